import { Pipelines } from '@juanie/services/pipelines'
import { LocalGitStore } from '../git/git-store.ts'
import { Kernel } from '../kernel.ts'
import { domain, provide } from './domain.ts'

export const pipelinesModule = domain(class PipelinesModule {}, [
  provide(Pipelines, [Kernel, LocalGitStore], ({ db }, git) => new Pipelines({ db, git })),
])
