import { everyone, type Policy } from '../organizations/policy.ts'

export const policy = { 'pipeline.view': everyone } as const satisfies Policy
