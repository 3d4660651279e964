import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { commandsBelow, juanie } from '../apps/cli/src/program.ts'
import { appRouter } from '../apps/server/src/router.ts'
import { tableOf } from './corpus-table.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

const pages = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...(readdirSync(join(root, 'docs'), { recursive: true }) as string[])
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
]

type Command = ReturnType<typeof juanie>

const leaves = commandsBelow(juanie()).filter(({ commands }) => commands.length === 0)

/** `run view` for the command that people call as `juanie run view`. */
const pathOf = (command: Command): string =>
  command.parent?.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name()

const usageOf = (command: Command): string => {
  const words = command.registeredArguments.map((one) => (one.required ? `<${one.name()}>` : `[${one.name()}]`))
  return ['juanie', pathOf(command), ...words].join(' ')
}

/** What a page calls with `juanie`, in its text and in its blocks of code. */
function calledIn(text: string): string[] {
  const inText = [...text.matchAll(/`(?:npx )?juanie ([^`]+)`/g)].map(([, words]) => words as string)
  const inBlocks = [...text.matchAll(/^```(?:sh|console)\n(.*?)^```/gms)].flatMap(([, block]) =>
    [...(block as string).matchAll(/(?:^|[|;&] *|\$ )(?:\w+=\S* )*(?:npx )?juanie (.+)$/gm)].map(
      ([, words]) => words as string,
    ),
  )
  return [...inText, ...inBlocks]
}

/** The longest beginning of the words that is a command; null when there is none. */
function commandOf(words: string): string | null {
  const [first = '', second = ''] = words.split(/\s+/)
  const known = new Set(leaves.map(pathOf))
  if (known.has(`${first} ${second}`)) return `${first} ${second}`
  return known.has(first) ? first : null
}

/** The anchor that a heading gets on common hosts of Markdown. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .trim()
    .replaceAll(' ', '-')

const anchorsOf = (text: string): string[] =>
  [...text.replace(/^```.*?^```/gms, '').matchAll(/^#{1,6} (.+)$/gm)].map(([, heading]) => anchorOf(heading as string))

test.each(pages)('every link of %s leads to a file and a heading that exist', (page) => {
  const text = read(page).replace(/^```.*?^```/gms, '')
  const links = [...text.matchAll(/\]\(([^)\s]+)\)|(?:src|srcset|href)="([^"]+)"/g)].map(
    ([, a, b]) => (a ?? b) as string,
  )
  const broken = links.filter((link) => {
    if (/^(https?|mailto):/.test(link)) return false
    const [path = '', anchor] = link.split('#')
    const target = path === '' ? join(root, page) : join(root, dirname(page), path)
    if (!existsSync(target) || relative(root, target).startsWith('..')) return true
    return anchor !== undefined && !anchorsOf(readFileSync(target, 'utf8')).includes(anchor)
  })
  expect(broken).toEqual([])
})

test.each(pages)('every command that %s names exists in the program', (page) => {
  const groups = new Set(juanie().commands.map((command) => command.name()))
  const unknown = calledIn(read(page)).filter((words) => commandOf(words) === null && !groups.has(words))
  expect(unknown).toEqual([])
})

test('docs/cli.md lists every command as the program takes it', () => {
  const page = read('docs/cli.md')
  expect(leaves.map(usageOf).filter((usage) => !page.includes(`| \`${usage}\` |`))).toEqual([])
})

test('docs/cli.md lists every option beside its command, and none that does not exist', () => {
  const sections = read('docs/cli.md').split(/^## /m)
  const missing: string[] = []
  const listed = new Set<string>()
  for (const section of sections) {
    const own = leaves.filter((command) => section.includes(`| \`${usageOf(command)}\` |`))
    const flags = new Set(own.flatMap(({ options }) => options.map((option) => option.flags)))
    const written = [...section.matchAll(/^\| `(-[^`]+)` \|/gm)].map(([, each]) => each as string)
    for (const flag of flags) if (!written.includes(flag)) missing.push(`${flag} in ${section.split('\n')[0]}`)
    for (const flag of written) if (!flags.has(flag)) listed.add(flag)
  }
  expect(missing).toEqual([])
  expect([...listed]).toEqual([])
})

test('docs/api.md lists every procedure of the API, and none that does not exist', () => {
  const procedures = Object.keys(appRouter(() => ({}) as never)._def.procedures)
  let router = ''
  const listed = [...read('docs/api.md').matchAll(/^\| (?:`(\w+)`)? ?\| (`[^|]+) \|/gm)].flatMap(([, name, cell]) => {
    router = name ?? router
    return [...(cell as string).matchAll(/`([\w.]+)`/g)].map(([, procedure]) => `${router}.${procedure}`)
  })
  expect(listed.sort()).toEqual(procedures.sort())
})

test('docs/workflows.md repeats what became of the jobs of the corpus', () => {
  const entries = JSON.parse(read('scripts/corpus.json'))
  expect(read('docs/workflows.md')).toContain(`<!-- corpus -->\n\n${tableOf(entries)}\n\n<!-- /corpus -->`)
})

test('both READMEs name the same commands, in the same order', () => {
  const commands = (page: string) => [...read(page).matchAll(/^```sh\n(.*?)^```/gms)].map(([, block]) => block)
  expect(commands('README.md').length).toBeGreaterThan(0)
  expect(commands('README.zh-CN.md')).toEqual(commands('README.md'))
  expect(calledIn(read('README.zh-CN.md')).sort()).toEqual(calledIn(read('README.md')).sort())
})

test.each(['docs', 'docs/adr'])('%s/README.md leads to every page of its folder', (folder) => {
  const index = read(`${folder}/README.md`)
  const beside = readdirSync(join(root, folder)).filter((name) => name.endsWith('.md') && name !== 'README.md')
  expect(beside.filter((name) => !index.includes(`](${name})`))).toEqual([])
})
