import { Actions } from '@juanie/services/actions'
import { Deployments } from '@juanie/services/deployments'
import { Bundles, GreenCommits, Releases } from '@juanie/services/releases'
import type { BlobStore } from '@juanie/services/releases/port'
import {
  CalledFetch,
  ConcurrencyGroups,
  RunFollowing,
  RunSignals,
  RunStarts,
  RunUpkeep,
  TriggeredRuns,
} from '@juanie/services/runs'
import { ModuleRef } from '@nestjs/core'
import { LocalGitStore } from '../git/git-store.ts'
import { Kernel } from '../kernel.ts'
import { FileBlobStore } from '../ports/blob-store.ts'
import { domain, provide } from './domain.ts'

/** The store as the modules know it. */
export abstract class Blobs {
  abstract readonly store: BlobStore
}

export const releasesModule = domain(class ReleasesModule {}, [
  provide(Blobs, [Kernel], ({ home }) => ({ store: new FileBlobStore(home.blobs) })),
  provide(
    Bundles,
    [Kernel, Blobs],
    ({ db, config }, { store }) => new Bundles({ db, blobs: store, maxBytes: config.bundleMaxBytes }),
  ),
  provide(Releases, [Kernel, LocalGitStore, ModuleRef], ({ db, log }, git, modules) => {
    // Deployments stand above releases; a release that they were not told of is found by their sweep.
    const made = async (releaseId: string) => {
      try {
        await modules.get(Deployments, { strict: false }).onReleaseMade(releaseId)
      } catch (error) {
        log.error({ err: error, releaseId }, 'a release could not be followed; trying again')
      }
    }
    return new Releases({ db, git, made })
  }),
  provide(GreenCommits, [Kernel, RunStarts], ({ db }, starts) => new GreenCommits({ db, starts })),
  provide(
    RunUpkeep,
    [Kernel, RunSignals, TriggeredRuns, GreenCommits, Actions],
    ({ db, log, config, lifecycle }, signals, triggered, green, sources) => {
      const failed = (error: unknown) => log.warn({ err: error }, 'what follows runs could not be done; trying again')
      const parts = { db, signals, url: () => config.url }
      const upkeep = new RunUpkeep({
        signals,
        triggered,
        groups: new ConcurrencyGroups(parts),
        following: new RunFollowing({ db, triggered, followers: [green.follow] }),
        fetch: new CalledFetch({ ...parts, sources }),
        failed,
      })
      lifecycle.add({ name: 'upkeep of runs', start: () => upkeep.start(), stop: () => upkeep.stop() })
      return upkeep
    },
  ),
])
