import { inOrganization, router } from '@juanie/core/trpc'
import { AddHost } from './contract.ts'
import type { Hosts } from './service.ts'

export const hostsRouter = (hosts: Hosts) =>
  router({
    list: inOrganization('host.view').query(() => hosts.list()),
    add: inOrganization('host.add')
      .input(AddHost)
      .mutation(({ input }) => hosts.add(input.name)),
  })
