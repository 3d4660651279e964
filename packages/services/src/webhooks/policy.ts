import { builders, type Policy } from '../organizations/policy.ts'

export const policy = {
  'delivery.view': builders,
  'delivery.replay': builders,
} as const satisfies Policy
