import { closeSync, mkdirSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { DefaultArtifactClient } from '@actions/artifact'

const mebibyte = 1024 * 1024

/**
 * What an action does that keeps one large file: made once, then uploaded and downloaded by GitHub's own client. The
 * benchmark bundles it into one file, and runs it as a step and beside a bare server alike.
 */
async function main() {
  const [folder, size] = [process.env.RUNNER_TEMP!, Number(process.env.INPUT_MEBIBYTES)]
  const file = join(folder, 'large.bin')
  const block = Buffer.alloc(mebibyte)
  const handle = openSync(file, 'w')
  for (let at = 0; at < size; at++) {
    // No two blocks are the same, so that none is stored in place of another.
    block.fill(String(at * 7919 + 13))
    writeSync(handle, block)
  }
  closeSync(handle)
  const client = new DefaultArtifactClient()
  const began = performance.now()
  const { id } = await client.uploadArtifact('large', [file], folder, { compressionLevel: 0 })
  const uploaded = performance.now()
  const back = join(folder, 'back')
  mkdirSync(back, { recursive: true })
  const asked = performance.now()
  await client.downloadArtifact(id!, { path: back })
  const downloaded = performance.now()
  if (statSync(join(back, 'large.bin')).size !== size * mebibyte)
    throw new Error('the file came back with another size')
  rmSync(back, { recursive: true })
  rmSync(file)
  console.log(`took ${JSON.stringify({ upMs: uploaded - began, downMs: downloaded - asked })}`)
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
