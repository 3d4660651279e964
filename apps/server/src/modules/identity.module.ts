import { IdTokens } from '@juanie/services/identity'
import { Kernel } from '../kernel.ts'
import { domain, provide } from './domain.ts'

export const identityModule = domain(class IdentityModule {}, [
  provide(
    IdTokens,
    [Kernel],
    ({ db, masterKey, config }) => new IdTokens({ db, masterKey, url: () => config.url.replace(/\/$/, '') }),
  ),
])
