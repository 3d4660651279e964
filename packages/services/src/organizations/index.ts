export { Invitations, type OpenInvitation } from './invitations.ts'
export { createOrganization, Organizations } from './service.ts'
export { Setup } from './setup.ts'
