import { DataKeys, Secrets, Variables } from '@juanie/services/secrets'
import { Kernel } from '../kernel.ts'
import { domain, provide } from './domain.ts'

export const secretsModule = domain(class SecretsModule {}, [
  provide(Variables, [Kernel], ({ db }) => new Variables({ db })),
  provide(Secrets, [Kernel], ({ db, masterKey }) => new Secrets({ db, keys: new DataKeys(masterKey) })),
])
