import { defaultTimes } from '@juanie/services/applications'
import { Environments } from '@juanie/services/environments'
import { EdgeUrls, Traffic } from '@juanie/services/routes'
import { Kernel } from '../kernel.ts'
import { domain, provide } from './domain.ts'

export const environmentsModule = domain(class EnvironmentsModule {}, [
  provide(EdgeUrls, [Kernel], ({ db, config }) => new EdgeUrls({ db, port: config.edgePort })),
  provide(Traffic, [Kernel], ({ db }) => new Traffic({ db })),
  provide(
    Environments,
    [Kernel, EdgeUrls],
    ({ db, config }, urls) =>
      new Environments({
        db,
        baseDomain: config.baseDomain,
        reserved: new URL(config.url).hostname,
        urls,
        defaults: {
          healthy: config.defaults.probes ?? defaultTimes.healthy,
          soakMs: config.defaults.soakMs ?? defaultTimes.soakMs,
          drainMs: config.defaults.drainMs ?? defaultTimes.drainMs,
          startLimitMs: config.defaults.startLimitMs ?? defaultTimes.startLimitMs,
          probeTimeoutMs: config.defaults.probeTimeoutMs ?? defaultTimes.timeoutMs,
          replicas: 1,
        },
      }),
  ),
])
