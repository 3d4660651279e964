import { everyone, type Policy } from '../organizations/policy.ts'

export const policy = { 'report.view': everyone } as const satisfies Policy
