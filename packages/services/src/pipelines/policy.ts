import { everyone, type Policy } from '../organizations/contract.ts'

export const policy = { 'pipeline.view': everyone } as const satisfies Policy
