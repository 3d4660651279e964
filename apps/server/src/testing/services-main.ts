import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DefaultArtifactClient } from '@actions/artifact'
import { restoreCache, saveCache } from '@actions/cache'
import * as core from '@actions/core'

/** The main script of an action that uses what a server gives to jobs; a scenario bundles it into one file. */
async function run() {
  const folder = process.env.RUNNER_TEMP!
  const put = (name: string, content: string | Buffer) => {
    mkdirSync(join(folder, name, '..'), { recursive: true })
    writeFileSync(join(folder, name), content)
    return join(folder, name)
  }

  const client = new DefaultArtifactClient()
  const big = randomBytes(20 * 1024 * 1024)
  const files = [put('out/big.bin', big), put('out/deep/hello.txt', 'hello')]
  const { id, digest } = await client.uploadArtifact('out', files, join(folder, 'out'), { compressionLevel: 0 })
  const { downloadPath } = await client.downloadArtifact(id!, {
    path: join(folder, 'back'),
    expectedHash: `sha256:${digest}`,
  })
  core.info(`artifact ${readFileSync(join(downloadPath!, 'big.bin')).equals(big)}`)

  put('kept/modules.txt', 'modules')
  await saveCache([join(folder, 'kept')], 'npm-1')
  rmSync(join(folder, 'kept'), { recursive: true })
  core.info(`cache ${await restoreCache([join(folder, 'kept')], 'npm-2', ['npm-'])}`)
  core.info(`kept ${readFileSync(join(folder, 'kept/modules.txt'), 'utf8')}`)

  const token = await core.getIDToken('somebody')
  const { aud, sub } = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString())
  core.info(`identity ${aud} ${sub}`)

  const remote = `${process.env.GITHUB_SERVER_URL}/${process.env.GITHUB_REPOSITORY}`
  const password = Buffer.from(`x-access-token:${core.getInput('token')}`).toString('base64')
  const listed = execFileSync('git', ['ls-remote', remote, 'refs/heads/main'], {
    encoding: 'utf8',
    env: {
      ...process.env,
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'http.extraHeader',
      GIT_CONFIG_VALUE_0: `Authorization: basic ${password}`,
    },
  })
  core.info(`git ${listed.slice(0, 40) === process.env.GITHUB_SHA}`)

  await core.summary
    .addHeading('Results')
    .addTable([
      [
        { data: 'test', header: true },
        { data: 'result', header: true },
      ],
      ['adds', 'passed'],
    ])
    .addCodeBlock('npm test', 'sh')
    .addLink('more', 'https://example.com/more')
    .write()
  await core.summary.addRaw('and more', true).write()
}
run().catch((error) => core.setFailed(error as Error))
