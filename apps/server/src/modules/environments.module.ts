import { Environments } from '@juanie/services/environments'
import { EdgeUrls } from '@juanie/services/routes'
import { Kernel } from '../kernel.ts'
import { domain, provide } from './domain.ts'

export const environmentsModule = domain(class EnvironmentsModule {}, [
  provide(EdgeUrls, [Kernel], ({ db, config }) => new EdgeUrls({ db, port: config.edgePort })),
  provide(
    Environments,
    [Kernel, EdgeUrls],
    ({ db, config }, urls) =>
      new Environments({ db, baseDomain: config.baseDomain, reserved: new URL(config.url).hostname, urls }),
  ),
])
