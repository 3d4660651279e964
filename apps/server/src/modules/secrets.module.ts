import { DataKeys, Secrets, Variables } from '@juanie/services/secrets'
import { Kernel } from '../kernel.ts'
import { domain, provide } from './domain.ts'

export const secretsModule = domain(class SecretsModule {}, [
  provide(Variables, [Kernel], ({ db }) => new Variables({ db })),
  provide(DataKeys, [Kernel], ({ masterKey }) => new DataKeys(masterKey)),
  provide(Secrets, [Kernel, DataKeys], ({ db }, keys) => new Secrets({ db, keys })),
])
