import { builders, everyone, type Policy } from '../organizations/policy.ts'

export const policy = {
  'deployment.view': everyone,
  'deployment.start': builders,
  'deployment.promote': builders,
  'deployment.rollback': builders,
  'deployment.cancel': builders,
} as const satisfies Policy
