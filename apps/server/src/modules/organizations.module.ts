import { Invitations, Organizations, Setup } from '@juanie/services/organizations'
import { Kernel } from '../kernel.ts'
import { Argon2Passwords } from '../ports/argon2-passwords.ts'
import { domain, provide } from './domain.ts'

export const organizationsModule = domain(class OrganizationsModule {}, [
  provide(Organizations, [Kernel], ({ db }) => new Organizations({ db })),
  provide(
    Invitations,
    [Kernel, Argon2Passwords],
    ({ db, config }, passwords) => new Invitations({ db, passwords, url: config.url }),
  ),
  provide(
    Setup,
    [Kernel, Argon2Passwords],
    ({ db, config }, passwords) => new Setup({ db, passwords, url: config.url, organization: config.organization }),
  ),
])
