export * from './contract.ts'
export { AgentHub, type AgentService, type Channel } from './hub.ts'
export { type Introduction, readIntroduction } from './introduction.ts'
export { type AgentIdentity, awayMs, Hosts, type HostView } from './service.ts'
