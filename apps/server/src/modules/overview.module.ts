import { Events, Overview } from '@juanie/services/overview'
import { EdgeUrls } from '@juanie/services/routes'
import { Kernel } from '../kernel.ts'
import { domain, provide } from './domain.ts'

export const overviewModule = domain(class OverviewModule {}, [
  provide(Events, [Kernel], ({ db }) => new Events({ db })),
  provide(Overview, [Kernel, EdgeUrls], ({ db }, urls) => new Overview({ db, url: (hostname) => urls.of(hostname) })),
])
