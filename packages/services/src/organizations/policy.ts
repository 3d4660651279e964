import { everyone, owners, type Policy } from './contract.ts'

export const policy = {
  'organization.view': everyone,
  'organization.invite': owners,
  'organization.remove': owners,
} as const satisfies Policy
