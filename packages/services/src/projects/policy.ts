import { builders, everyone, owners, type Policy } from '../organizations/policy.ts'

export const policy = {
  'project.view': everyone,
  'project.create': builders,
  'project.update': builders,
  'project.delete': owners,
} as const satisfies Policy
