import { Deployments, DesiredFeed, deploymentChannel, desiredChannel } from '@juanie/services/deployments'
import { AgentHub } from '@juanie/services/hosts'
import { Bundles } from '@juanie/services/releases'
import { EdgeUrls } from '@juanie/services/routes'
import { Secrets } from '@juanie/services/secrets'
import { Kernel } from '../kernel.ts'
import { domain, provide } from './domain.ts'
import { Blobs } from './releases.module.ts'

const sweepMs = 1_000

export const deploymentsModule = domain(class DeploymentsModule {}, [
  provide(
    Deployments,
    [Kernel, Secrets, Blobs, Bundles, EdgeUrls, AgentHub],
    (kernel, secrets, { store }, bundles, urls, hub) => {
      const { db, config, log, listener, lifecycle, serverId } = kernel
      const feed = new DesiredFeed({
        desiredFor: (hostId) => deployments.desiredFor(hostId),
        channelsOf: (hostId) => hub.ofHost(hostId),
        failed: (error, hostId) => log.error({ err: error, hostId }, 'desired state could not be read'),
      })
      const deployments: Deployments = new Deployments({
        db,
        secrets,
        bundles,
        blobs: store,
        owner: serverId,
        times: {
          soakMs: config.defaults.soakMs,
          drainMs: config.defaults.drainMs,
          startLimitMs: config.defaults.startLimitMs,
          timeoutMs: config.defaults.probeTimeoutMs,
          healthy: config.defaults.probes,
        },
        url: (hostname) => urls.of(hostname),
        desiredChanged: (hostId) => feed.changed(hostId),
        failed: (error, id) => log.error({ err: error, id }, 'a deployment could not be brought on; trying again'),
      })
      hub.serve(feed)
      const sweep = sweeper(
        () => deployments.sweep(),
        (error) => log.error({ err: error }, 'sweeping deployments failed'),
      )
      const unlisten = [
        listener.on(deploymentChannel, (id) => (id === null ? sweep.now() : deployments.nudge(id))),
        listener.on(desiredChannel, (hostId) => {
          const hosts = hostId === null ? hub.all().map(({ agent }) => agent.hostId) : [hostId]
          for (const each of new Set(hosts)) feed.changed(each)
        }),
      ]
      lifecycle.add({
        name: 'deployments',
        start: () => sweep.start(),
        stop: async () => {
          for (const end of unlisten) end()
          await sweep.stop()
          feed.close()
          await deployments.close()
        },
      })
      return deployments
    },
  ),
])

/** Every server sweeps: what one does not finish, because it died, another one finds within a second. */
function sweeper(sweep: () => Promise<void>, failed: (error: unknown) => void) {
  let timer: NodeJS.Timeout | null = null
  let running: Promise<void> | null = null
  const now = () => {
    running ??= sweep()
      .catch(failed)
      .finally(() => {
        running = null
      })
  }
  return {
    now,
    start: () => {
      now()
      timer = setInterval(now, sweepMs)
    },
    stop: async () => {
      if (timer) clearInterval(timer)
      await running
    },
  }
}
