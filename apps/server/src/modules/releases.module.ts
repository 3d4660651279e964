import { Deployments } from '@juanie/services/deployments'
import { Bundles, Releases } from '@juanie/services/releases'
import type { BlobStore } from '@juanie/services/releases/port'
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
])
