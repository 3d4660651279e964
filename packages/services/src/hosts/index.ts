export * from './contract.ts'
export { AgentHub, type AgentService, type Channel } from './hub.ts'
export { readIntroduction } from './introduction.ts'
export { type AgentIdentity, awayMs, Hosts } from './service.ts'
