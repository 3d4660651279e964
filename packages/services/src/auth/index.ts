export { AccessTokens } from './access-tokens.ts'
export { Credentials } from './credentials.ts'
export { limits, networkOf, SignInLimits } from './limits.ts'
export { graceMs, refreshSeconds, Sessions } from './sessions.ts'
