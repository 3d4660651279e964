import { rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { AppError, messageOf } from '@juanie/core/errors'
import { crashPoint } from '@juanie/core/points'
import { type ActionStep, type EvaluationOptions, evaluateTemplate } from '@juanie/workflow'
import { CheckoutError, checkout } from './checkout.ts'
import type { StepContext, StepEnd } from './job-parts.ts'

const success: StepEnd = { outcome: 'success', exitCode: null, reason: null }

/** `actions/checkout`, `juanie/release` and `juanie/deploy`, done by the agent itself. */
export async function runNativeAction(
  step: ActionStep,
  context: StepContext,
  options: EvaluationOptions,
): Promise<StepEnd> {
  const inputs: Record<string, string> = {}
  for (const [name, text] of Object.entries(step.with))
    inputs[name.toLowerCase()] = evaluateTemplate(text, context.contexts, options)
  try {
    if (step.action === 'checkout') await doCheckout(inputs, context)
    else if (step.action === 'release') await doRelease(inputs, context)
    else return await doDeploy(inputs, context)
    return success
  } catch (error) {
    if (context.signal.aborted) throw error
    if (error instanceof CheckoutError || error instanceof AppError)
      return { outcome: 'failure', exitCode: null, reason: error.message }
    return { outcome: 'failure', exitCode: null, reason: `${step.uses} failed: ${messageOf(error)}` }
  }
}

async function doCheckout(
  inputs: Record<string, string>,
  { parts, log, signal, setOutput }: StepContext,
): Promise<void> {
  const { job, folders, programs, upstream } = parts
  const { commit, ref } = await checkout(job, inputs, {
    workspace: folders.workspace,
    source: await parts.source(signal),
    serverUrl: upstream.serverUrl(),
    token: job.services?.token ?? null,
    programs,
    say: (line) => log.say(line),
    signal,
  })
  setOutput('commit', commit)
  setOutput('ref', ref)
}

async function doRelease(inputs: Record<string, string>, context: StepContext): Promise<void> {
  const { parts, place, log, signal, setOutput } = context
  const { job, fence, folders, programs, upstream } = parts
  const root = resolve(folders.workspace, inputs.path?.trim() || '.')
  const bundle = join(folders.files, `bundle-${place}`)
  const exclude = (inputs.exclude ?? '')
    .split(/[\n,]/)
    .map((each) => each.trim())
    .filter(Boolean)
  try {
    const { digest, bytes, description, listing } = await programs.pack(root, bundle, {
      exclude,
      workspace: folders.workspace,
      signal,
    })
    log.say(`Packed ${bytes} bytes as ${digest}.`)
    await upstream.putBlob(job.jobId, digest, bundle, signal)
    crashPoint('agent.bundle.uploaded')
    const release = await upstream.makeRelease(
      {
        jobId: job.jobId,
        fence,
        step: place,
        bundle: digest,
        bytes,
        name: inputs.name?.trim() || null,
        description,
        listing,
      },
      signal,
    )
    if (release === null) {
      log.say('##[notice]Nothing is released: there is no server to keep it.')
      setOutput('digest', digest)
      return
    }
    crashPoint('agent.release.made')
    log.say(`Release ${release.number} is ready.`)
    for (const { path, reason } of release.notHonoured) log.say(`##[warning]${path}: ${reason}`)
    setOutput('release', String(release.number))
    setOutput('digest', release.digest)
  } finally {
    rmSync(bundle, { force: true })
  }
}

async function doDeploy(inputs: Record<string, string>, context: StepContext): Promise<StepEnd> {
  const { parts, place, log, signal, setOutput } = context
  const { job, fence, upstream } = parts
  const environment = inputs.environment?.trim()
  if (!environment)
    return {
      outcome: 'failure',
      exitCode: null,
      reason: 'environment: name the environment to deploy to, e.g. `with: { environment: staging }`.',
    }
  const release = inputs.release?.trim() || null
  if (release !== null && !/^\d{1,9}$/.test(release)) {
    return { outcome: 'failure', exitCode: null, reason: `release: "${release}" is not the number of a release.` }
  }
  const asked = await upstream.askDeployment(
    { jobId: job.jobId, fence, step: place, environment, release: release === null ? null : Number(release) },
    signal,
  )
  log.say(`Deployment ${asked.number} to ${environment} is queued.`)
  setOutput('deployment', String(asked.number))
  const waits = (inputs.wait ?? 'true').trim() !== 'false'
  // The bound is the step's or the job's own time limit, which aborts the signal.
  for (let told = ''; ; ) {
    const progress = await upstream.deploymentProgress(asked.deploymentId, { jobId: job.jobId, fence }, signal)
    setOutput('status', progress.status)
    setOutput('url', progress.url)
    const line = progress.waitsFor ? `${progress.status}: ${progress.waitsFor}` : progress.status
    if (line !== told) log.say(`Deployment ${asked.number}: ${line}`)
    told = line
    if (!waits) return success
    if (!progress.final) continue
    if (progress.status === 'succeeded') {
      log.say(progress.url)
      return success
    }
    return {
      outcome: 'failure',
      exitCode: null,
      reason: `Deployment ${asked.number} to ${environment}: ${progress.status}. ${progress.reason ?? ''}`.trim(),
    }
  }
}
