import { AccessTokens, Credentials, Sessions, SignInLimits } from '@juanie/services/auth'
import { Kernel } from '../kernel.ts'
import { Argon2Passwords } from '../ports/argon2-passwords.ts'
import { JwtAccessSigner } from '../ports/jwt-access-signer.ts'
import { domain, provide } from './domain.ts'

export const authModule = domain(class AuthModule {}, [
  provide(Argon2Passwords, [], () => new Argon2Passwords()),
  provide(JwtAccessSigner, [Kernel], (kernel) => new JwtAccessSigner(kernel.masterKey)),
  provide(SignInLimits, [Kernel], ({ db }) => new SignInLimits({ db })),
  provide(
    Sessions,
    [Kernel, Argon2Passwords, JwtAccessSigner, SignInLimits],
    ({ db }, passwords, signer, limits) => new Sessions({ db, passwords, signer, limits }),
  ),
  provide(AccessTokens, [Kernel], ({ db }) => new AccessTokens({ db })),
  provide(Credentials, [Sessions, AccessTokens], (sessions, tokens) => new Credentials({ sessions, tokens })),
])
