import { PinQueue, Repositories } from '@juanie/services/repositories'
import { LocalGitStore } from '../git/git-store.ts'
import { GitPrograms } from '../git/service.ts'
import { Kernel } from '../kernel.ts'
import { domain, provide } from './domain.ts'

export const repositoriesModule = domain(class RepositoriesModule {}, [
  provide(LocalGitStore, [Kernel], ({ home, lifecycle }) => {
    const store = new LocalGitStore(home.repositories)
    lifecycle.add({ name: 'git readers', stop: () => store.close() })
    return store
  }),
  provide(GitPrograms, [Kernel], ({ config, lifecycle }) => {
    const programs = new GitPrograms({ maxPushBytes: config.gitMaxPushBytes })
    lifecycle.add({ name: 'git programs', stop: () => programs.close() })
    return programs
  }),
  provide(PinQueue, [Kernel, LocalGitStore], ({ log, lifecycle }, git) => {
    const pins = new PinQueue({ git, failed: (error) => log.warn({ err: error }, 'a commit is pinned later') })
    lifecycle.add({ name: 'pins', stop: () => pins.flush() })
    return pins
  }),
  provide(
    Repositories,
    [Kernel, LocalGitStore],
    ({ db, config }, git) => new Repositories({ db, git, url: () => config.url }),
  ),
])
