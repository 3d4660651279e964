import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { rolldown } from 'rolldown'
import { expect, test } from 'vitest'
import { Juanie } from './lib/juanie.ts'
import { Project } from './lib/project.ts'

/** An action as its authors build it: GitHub's own clients and their code in one file. */
async function bundled(): Promise<string> {
  const build = await rolldown({
    input: join(import.meta.dirname, '../apps/server/src/testing/services-main.ts'),
    platform: 'node',
    transform: { target: 'node20' },
    logLevel: 'silent',
  })
  const { output } = await build.generate({ format: 'cjs', codeSplitting: false })
  await build.close()
  return output[0].code
}

const workflow = `on: push
permissions: { contents: read, id-token: write }
jobs:
  keep:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
      - uses: ./.juanie/actions/services
        with: { token: '\${{ github.token }}' }
`

interface View {
  status: string
  jobs: { steps: { summary: string | null }[] }[]
}

/** The clients refuse such a server by its address, and an agent on another host has no other. */
for (const [where, host] of [
  ['its own host', '127.0.0.1'],
  ['another address', '127.0.0.2'],
] as const) {
  test(`the clients of actions reach a server at ${where}, and people get what they left`, async () => {
    await using juanie = await Juanie.prepare({ HOST: host, JUANIE_AGENT_JOBS: '2' })
    await juanie.up({ JUANIE_URL: juanie.url })
    await juanie.login()
    const shop = await Project.create(juanie, 'shop', 'empty')
    const commit = await shop.commit('keep', {
      '.juanie/workflows/ci.yml': workflow,
      '.juanie/actions/services/action.yml':
        'name: Services\ninputs: { token: {} }\nruns: { using: node20, main: main.js }\n',
      '.juanie/actions/services/main.js': await bundled(),
    })
    await shop.push()
    const { number, status } = await shop.runOf(commit)
    const log = (await shop.run(['logs', String(number)])).stdout
    expect(status, log).toBe('succeeded')
    for (const line of [
      'artifact true',
      'cache npm-1',
      'kept modules',
      'identity somebody repo:main/shop:ref:refs/heads/main',
      'git true',
    ]) {
      expect(log).toContain(line)
    }
    const { jobs } = await shop.json<View>(['run', 'view', String(number)])
    expect(jobs[0]!.steps.map(({ summary }) => summary)).toContain(
      '<h1>Results</h1>\n<table><tr><th>test</th><th>result</th></tr><tr><td>adds</td><td>passed</td></tr></table>\n' +
        '<pre lang="sh"><code>npm test</code></pre>\n<a href="https://example.com/more">more</a>\nand more\n',
    )

    const id = expect.any(String)
    expect(await shop.json(['run', 'artifacts', String(number)])).toMatchObject([{ id, name: 'out', job: 'keep' }])
    expect((await shop.run(['run', 'artifacts'])).stdout).toMatch(/out\s+20\.0 MiB\s+keep/)
    const folder = join(juanie.home, 'got')
    expect((await shop.run(['run', 'download', String(number), '--dir', folder])).code).toBe(0)
    expect(readFileSync(join(folder, 'out/deep/hello.txt'), 'utf8')).toBe('hello')
    const one = await shop.run(['run', 'download', '--name', 'out', '--dir', join(juanie.home, 'one')])
    expect(one.stderr).toContain('out: 2 files in')
    expect(readFileSync(join(juanie.home, 'one/big.bin'))).toHaveLength(20 * 1024 * 1024)
    expect((await shop.run(['run', 'download', '--name', 'none'])).stderr).toContain('has no artifact "none"')

    expect(await shop.json(['cache', 'list'])).toMatchObject([{ key: 'npm-1', ref: 'refs/heads/main' }])
    expect((await shop.run(['cache', 'list', '--key', 'go-'])).stderr).toContain('There are no caches.')
    expect(await shop.json(['cache', 'delete', 'npm-', '--ref', 'other'])).toEqual({ removed: 0 })
    expect((await shop.run(['cache', 'delete'])).code).not.toBe(0)
    expect((await shop.run(['cache', 'delete', 'npm-'])).stderr).toContain('Deleted 1 cache.')
    expect(await shop.json(['cache', 'list'])).toEqual([])
  })
}
