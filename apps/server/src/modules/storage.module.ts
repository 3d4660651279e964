import { deriveKey } from '@juanie/core/crypto'
import { JobArtifacts, RunArtifacts } from '@juanie/services/artifacts'
import { Caches, JobCaches } from '@juanie/services/caches'
import { Reports } from '@juanie/services/reports'
import { StoredFiles } from '@juanie/services/storage'
import { FileLinks } from '../http/file-links.ts'
import { Kernel } from '../kernel.ts'
import { FilePieceStore } from '../ports/piece-store.ts'
import { domain, provide } from './domain.ts'

/** What jobs store: artifacts and caches. */
export const storageModule = domain(class StorageModule {}, [
  provide(FileLinks, [Kernel], ({ masterKey }) => new FileLinks(deriveKey(masterKey, 'file-links'))),
  provide(StoredFiles, [Kernel], ({ db, home }) => new StoredFiles({ db, pieces: new FilePieceStore(home.pieces) })),
  provide(
    JobArtifacts,
    [Kernel, StoredFiles],
    ({ db, config }, files) =>
      new JobArtifacts({
        db,
        files,
        limits: { maxBytes: config.artifactMaxBytes, keepDays: config.keepArtifactsDays },
      }),
  ),
  provide(RunArtifacts, [Kernel, StoredFiles], ({ db }, files) => new RunArtifacts({ db, files })),
  provide(Reports, [Kernel, StoredFiles], ({ db }, files) => new Reports({ db, files })),
  provide(
    JobCaches,
    [Kernel, StoredFiles],
    ({ db, config }, files) => new JobCaches({ db, files, limits: { maxBytes: config.cacheMaxBytes } }),
  ),
  provide(
    Caches,
    [Kernel, StoredFiles],
    ({ db, config }, files) =>
      new Caches({ db, files, limits: { maxBytes: config.cacheMaxBytes, keepDays: config.keepCachesDays } }),
  ),
])
