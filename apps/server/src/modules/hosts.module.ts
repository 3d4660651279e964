import { AgentHub, Hosts } from '@juanie/services/hosts'
import { Kernel } from '../kernel.ts'
import { domain, provide } from './domain.ts'

export const hostsModule = domain(class HostsModule {}, [
  provide(Hosts, [Kernel], ({ db }) => new Hosts({ db })),
  provide(AgentHub, [Kernel], ({ lifecycle }) => {
    const hub = new AgentHub()
    lifecycle.add({ name: 'agents', stop: () => hub.closeAll() })
    return hub
  }),
])
