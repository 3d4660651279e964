import { Actions } from '@juanie/services/actions'
import { instanceStreams } from '@juanie/services/deployments'
import { AgentHub } from '@juanie/services/hosts'
import { Pipelines } from '@juanie/services/pipelines'
import { PinQueue, Pushes } from '@juanie/services/repositories'
import {
  AgentLogs,
  AgentReports,
  JobActions,
  JobLeases,
  JobPasses,
  JobSecrets,
  JobTokens,
  LeaseJudge,
  LogReads,
  LogStreams,
  MergedLogs,
  RunCleaning,
  RunFailures,
  RunProgress,
  RunSignals,
  RunStarts,
  Runs,
  StartableWorkflows,
  TriggeredRuns,
} from '@juanie/services/runs'
import { Secrets } from '@juanie/services/secrets'
import { LocalGitStore } from '../git/git-store.ts'
import { PushReceiver } from '../git/receive.ts'
import { GitPrograms } from '../git/service.ts'
import { Kernel } from '../kernel.ts'
import { domain, provide } from './domain.ts'

const gib = 1024 ** 3
const limits = { workspaceBytes: 20 * gib, logBytes: gib, memoryBytes: null }

const url = (kernel: Kernel) => () => kernel.config.url

export const runsModule = domain(class RunsModule {}, [
  provide(RunSignals, [], () => new RunSignals()),
  provide(JobTokens, [Kernel], ({ db }) => new JobTokens({ db })),
  provide(JobPasses, [Kernel], ({ db, masterKey }) => new JobPasses({ db, masterKey })),
  provide(JobSecrets, [Kernel, Secrets], ({ db }, secrets) => new JobSecrets({ db, secrets })),
  provide(JobActions, [Kernel, Actions], ({ db }, actions) => new JobActions({ db, actions })),
  provide(LogStreams, [Kernel, RunSignals], ({ db, listener, lifecycle }, signals) => {
    const streams = new LogStreams({ db, signals, listener })
    lifecycle.add({ name: 'log streams', stop: () => streams.close() })
    return streams
  }),
  provide(LogReads, [Kernel], ({ db }) => new LogReads({ db })),
  provide(MergedLogs, [LogReads], (reads) => new MergedLogs({ reads })),
  provide(
    AgentLogs,
    [Kernel, LogStreams, RunSignals],
    ({ db }, streams, signals) => new AgentLogs({ db, streams, signals, instances: instanceStreams }),
  ),
  provide(
    AgentReports,
    [Kernel, RunSignals],
    (kernel, signals) => new AgentReports({ db: kernel.db, signals, url: url(kernel) }),
  ),
  provide(Runs, [Kernel, RunSignals], (kernel, signals) => new Runs({ db: kernel.db, signals, url: url(kernel) })),
  provide(RunFailures, [Kernel, LogStreams], ({ db }, logs) => new RunFailures({ db, logs })),
  provide(RunProgress, [Kernel], ({ listener, lifecycle }) => {
    const progress = new RunProgress({ listener })
    lifecycle.add({ name: 'progress of runs', stop: () => progress.close() })
    return progress
  }),
  provide(
    StartableWorkflows,
    [Kernel, LocalGitStore, Pipelines],
    ({ db }, git, pipelines) => new StartableWorkflows({ db, git, pipelines }),
  ),
  provide(
    RunStarts,
    [Kernel, RunSignals, LocalGitStore, Pipelines, PinQueue],
    (kernel, signals, git, pipelines, pins) =>
      new RunStarts({ db: kernel.db, signals, url: url(kernel), git, pipelines, pins }),
  ),
  provide(
    TriggeredRuns,
    [Kernel, RunSignals, LocalGitStore, Pipelines, PinQueue],
    (kernel, signals, git, pipelines, pins) =>
      new TriggeredRuns({ db: kernel.db, signals, url: url(kernel), git, pipelines, pins }),
  ),
  provide(JobLeases, [Kernel, RunSignals, AgentHub, LocalGitStore, Secrets, JobPasses], (kernel, ...parts) => {
    const [signals, hub, git, secrets, passes] = parts
    const { db, log, lifecycle, listener } = kernel
    const failed = (error: unknown) => log.error({ err: error }, 'jobs could not be given away; trying again')
    const leases = new JobLeases({ db, signals, url: url(kernel), hub, git, secrets, passes, limits, failed })
    hub.serve(leases)
    lifecycle.add({ name: 'job leases', start: () => leases.start(listener), stop: () => leases.stop() })
    return leases
  }),
  provide(LeaseJudge, [Kernel, RunSignals], (kernel, signals) => {
    const { db, log, lifecycle } = kernel
    const failed = (error: unknown) => log.warn({ err: error }, 'leases could not be judged; trying again')
    const judge = new LeaseJudge({ db, signals, url: url(kernel), failed })
    lifecycle.add({
      name: 'lease judge',
      start: () => {
        judge.start()
        void judge.resume().catch(failed)
      },
      stop: () => judge.stop(),
    })
    return judge
  }),
  provide(Pushes, [Kernel, LocalGitStore, RunStarts], ({ db, log, lifecycle }, git, starts) => {
    const failed = (error: unknown) => log.warn({ err: error }, 'a push could not be decided; trying again')
    const pushes = new Pushes({ db, git, handle: (moved) => starts.handle(moved), failed })
    // Before anything else is accepted: whatever a crash left between a ref and its run.
    lifecycle.add({ name: 'pushes', start: () => void pushes.recover().catch(failed) })
    return pushes
  }),
  provide(
    PushReceiver,
    [Kernel, GitPrograms, Pushes, RunStarts],
    ({ log, config }, programs, pushes, starts) =>
      new PushReceiver({ programs, pushes, starts, log, maxPushBytes: config.gitMaxPushBytes }),
  ),
  provide(
    RunCleaning,
    [Kernel, LocalGitStore],
    ({ db, config }, git) => new RunCleaning({ db, git, keepDays: config.keepRunsDays }),
  ),
])
