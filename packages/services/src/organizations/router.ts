import { inOrganization, router, signedIn } from '@juanie/core/trpc'
import * as z from 'zod/mini'
import { Page } from '../auth/contract.ts'
import { CreateOrganization, Invite, RemoveMember, Slug, WithdrawInvitation } from './contract.ts'
import type { Invitations } from './invitations.ts'
import type { Organizations } from './service.ts'

export const organizationsRouter = (parts: { organizations: Organizations; invitations: Invitations }) =>
  router({
    list: signedIn.input(Page).query(({ ctx, input }) => parts.organizations.list(ctx.session, input)),
    find: signedIn
      .input(z.object({ slug: Slug }))
      .query(({ ctx, input }) => parts.organizations.find(ctx.session, input.slug)),
    create: signedIn
      .input(CreateOrganization)
      .mutation(({ ctx, input }) => parts.organizations.create(ctx.session, input)),
    members: inOrganization('organization.view')
      .input(Page)
      .query(({ ctx, input }) => parts.organizations.members(ctx.scope, input)),
    invite: inOrganization('organization.invite')
      .input(Invite)
      .mutation(({ ctx, input }) => parts.invitations.invite(ctx.scope, input)),
    invitations: inOrganization('organization.invite')
      .input(Page)
      .query(({ ctx, input }) => parts.invitations.list(ctx.scope, input)),
    withdrawInvitation: inOrganization('organization.invite')
      .input(WithdrawInvitation)
      .mutation(({ ctx, input }) => parts.invitations.withdraw(ctx.scope, input.id)),
    removeMember: inOrganization('organization.remove')
      .input(RemoveMember)
      .mutation(({ ctx, input }) => parts.organizations.removeMember(ctx.scope, input.userId)),
  })
