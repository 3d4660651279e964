import { Mirrors } from '@juanie/core/git/mirrors'
import { OutsideAddresses } from '@juanie/core/outside-address'
import { Actions } from '@juanie/services/actions'
import { LocalActionMirrors } from '../git/action-mirrors.ts'
import { LocalGitStore } from '../git/git-store.ts'
import { Kernel } from '../kernel.ts'
import { domain, provide } from './domain.ts'

export const actionsModule = domain(class ActionsModule {}, [
  provide(LocalActionMirrors, [Kernel, LocalGitStore], ({ config, home, lifecycle }, store) => {
    const addresses = new OutsideAddresses(config.allowPrivateAddresses)
    const sources = new Mirrors({ folder: home.actions, sources: config.actionSources, addresses })
    const mirrors = new LocalActionMirrors({ mirrors: sources, store })
    lifecycle.add({ name: 'mirrors of actions', stop: () => mirrors.close() })
    return mirrors
  }),
  provide(Actions, [Kernel, LocalActionMirrors], ({ db }, mirrors) => new Actions({ db, mirrors })),
])
