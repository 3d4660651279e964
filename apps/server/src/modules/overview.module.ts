import { Events } from '@juanie/services/overview'
import { Kernel } from '../kernel.ts'
import { domain, provide } from './domain.ts'

export const overviewModule = domain(class OverviewModule {}, [
  provide(Events, [Kernel], ({ db }) => new Events({ db })),
])
