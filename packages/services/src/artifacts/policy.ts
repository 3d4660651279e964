import { builders, everyone, type Policy } from '../organizations/policy.ts'

export const policy = {
  'artifact.view': everyone,
  'artifact.delete': builders,
} as const satisfies Policy
