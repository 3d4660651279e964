import { createReadStream, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { BundleError, packFolder } from '@juanie/core/bundle'
import { describedBy } from '@juanie/core/description-files'
import { api, refusalOf, server } from './client.ts'
import { CommandError, usageError } from './exit.ts'
import { say } from './output.ts'

/** Packs a folder as it lies, stores it, and makes a release of it. Returns the release's number. */
export async function releaseFolder(projectId: string, folder: string): Promise<number> {
  // An empty variable of a script would mean the current folder.
  if (folder === '') throw usageError('--from: name a folder; "." is the current one.')
  const root = resolve(folder)
  if (!statSync(root, { throwIfNoEntry: false })?.isDirectory()) throw usageError(`--from: ${root} is not a folder.`)
  const temporary = mkdtempSync(join(tmpdir(), 'juanie-bundle-'))
  try {
    const file = join(temporary, 'bundle.tar')
    const { digest, bytes, listing } = await packFolder(root, file)
    say(`Packed ${bytes} bytes as ${digest}.`)
    await upload({ projectId, digest, file, bytes })
    const release = await api().releases.create.mutate({
      projectId,
      bundle: digest,
      description: describedBy(root),
      listing,
    })
    for (const { path, reason } of release.notHonoured) say(`not honoured: ${path}: ${reason}`)
    for (const warning of release.warnings) say(`warning: ${warning}`)
    say(`Release #${release.number} is ready.`)
    return release.number
  } catch (error) {
    if (error instanceof BundleError) throw new CommandError(`The bundle ${error.message}`)
    throw error
  } finally {
    rmSync(temporary, { recursive: true, force: true })
  }
}

async function upload({
  projectId,
  digest,
  file,
  bytes,
}: {
  projectId: string
  digest: string
  file: string
  bytes: number
}): Promise<void> {
  const { url, token } = server()
  const address = `${url}/api/projects/${projectId}/bundles/${digest}`
  const authorization = `Bearer ${token}`
  const limitMs = 60_000 + Math.ceil(bytes / 100)
  const found = await fetch(address, {
    method: 'HEAD',
    headers: { authorization },
    signal: AbortSignal.timeout(30_000),
  })
  if (found.ok) return
  const response = await fetch(address, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/octet-stream', 'content-length': String(bytes) },
    body: Readable.toWeb(createReadStream(file)) as ReadableStream,
    duplex: 'half',
    signal: AbortSignal.timeout(limitMs),
  } as RequestInit)
  if (response.ok) return
  throw new CommandError(await refusalOf(response))
}
