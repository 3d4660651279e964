import { OutsideAddresses } from '@juanie/core/outside-address'
import { Connections, RemoteMoves } from '@juanie/services/connections'
import { RunStarts } from '@juanie/services/runs'
import { DataKeys } from '@juanie/services/secrets'
import { Inbox, Webhooks } from '@juanie/services/webhooks'
import { LocalGitStore } from '../git/git-store.ts'
import { GitRemotes } from '../git/remote-repositories.ts'
import { Kernel } from '../kernel.ts'
import { domain, provide } from './domain.ts'

export const connectionsModule = domain(class ConnectionsModule {}, [
  provide(
    GitRemotes,
    [Kernel, LocalGitStore],
    ({ config, home }, store) =>
      new GitRemotes({
        store,
        addresses: new OutsideAddresses(config.allowPrivateAddresses),
        maxBytes: config.repositoryMaxBytes,
        folder: home.repositories,
      }),
  ),
  provide(
    Connections,
    [Kernel, DataKeys, GitRemotes],
    ({ db, config }, keys, remotes) => new Connections({ db, keys, remotes, url: () => config.url }),
  ),
  provide(
    RemoteMoves,
    [Kernel, LocalGitStore, GitRemotes, Connections, RunStarts],
    ({ db, log }, git, remotes, connections, starts) =>
      new RemoteMoves({
        db,
        git,
        remotes,
        connections,
        handle: (moved) => starts.handle(moved),
        failed: (error) => log.warn({ err: error }, 'a move elsewhere could not be taken over; trying again'),
      }),
  ),
  provide(
    Webhooks,
    [Kernel, Connections, RemoteMoves],
    ({ db, config, log }, connections, moves) =>
      new Webhooks({
        db,
        connections,
        moves,
        secret: config.webhookSecret,
        failed: (error) => log.warn({ err: error }, 'a delivery could not be acted on; trying again'),
      }),
  ),
  provide(Inbox, [Kernel, Webhooks], ({ db }, webhooks) => new Inbox({ db, webhooks })),
])
