import { everyone, owners, type Policy } from '../organizations/policy.ts'

export const policy = { 'host.view': everyone, 'host.add': owners } as const satisfies Policy
