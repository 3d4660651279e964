import { everyone, owners, type Policy } from '../organizations/contract.ts'

export const policy = { 'host.view': everyone, 'host.add': owners } as const satisfies Policy
