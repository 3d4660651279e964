import { everyone, owners, type Policy } from '../organizations/policy.ts'

export const policy = {
  'action.view': everyone,
  'action.set': owners,
} as const satisfies Policy
