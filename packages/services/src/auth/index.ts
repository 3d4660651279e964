export { AccessTokens } from './access-tokens.ts'
export { Credentials } from './credentials.ts'
export { limits, networkOf, SignInLimits } from './limits.ts'
export { accessSeconds, graceMs, refreshSeconds, Sessions, type SessionTokens } from './sessions.ts'
