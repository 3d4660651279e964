#!/usr/bin/env node
// Runs the workflows of public repositories on a Juanie that is up, and writes down in corpus.json what became of
// each job; docs/workflows.md repeats it.
//
//   node scripts/corpus.mjs --source https://github.com [--only OWNER/NAME]… [--minutes N] [--list FILE]
//   node scripts/corpus.mjs --table
//
// `juanie login` as an administrator comes first. A repository gets a project of its own, in an organization that is
// named like its owner. What corpus.json says of one: `commit`; `workflows`, when not all of them; `branch`, when not
// main; `trigger`, text of a workflow that is replaced, for one that waits for an event which never happens here;
// `composite`, names of steps that are composite actions; `why`, what kept the other jobs from success.
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { tableOf } from './corpus-table.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const cli = join(here, '..', 'apps', 'cli', 'bin', 'juanie.mjs')
const run = promisify(execFile)
const maxBuffer = 512 * 1024 * 1024
const pollMs = 15_000
const workflowFolders = ['.juanie/workflows', '.github/workflows']
const foreign = /windows|macos|\barm\b/i

const { values } = parseArgs({
  options: {
    source: { type: 'string' },
    juanie: { type: 'string', default: process.env.JUANIE_URL ?? 'http://127.0.0.1:3000' },
    list: { type: 'string', default: join(here, 'corpus.json') },
    only: { type: 'string', multiple: true },
    minutes: { type: 'string', default: '30' },
    table: { type: 'boolean' },
  },
})
const limitMs = Number(values.minutes) * 60_000

const juanie = async (...args) => {
  const { stdout } = await run(process.execPath, [cli, ...args, '--json'], { maxBuffer, timeout: 120_000 })
  return JSON.parse(stdout)
}
const git = async (folder, ...args) => (await run('git', ['-C', folder, ...args], { maxBuffer })).stdout.trim()
const slug = (name) => name.toLowerCase().replace(/[^a-z0-9-]+/g, '-')

/** Fills a bare repository; returns the commit to push. */
async function prepare(folder, { repository, commit, trigger }) {
  await git(folder, 'init', '-q', '--bare')
  const from = `${values.source}/${repository}`
  // With its history and tags, which versions are made of; where the source lacks some of it, the files alone.
  const isWhole = await git(folder, 'fetch', '-q', '--tags', from, commit).then(
    () => true,
    () => false,
  )
  if (!isWhole) await git(folder, 'fetch', '-q', '--depth=1', from, commit)
  if (!trigger && isWhole) return commit
  const env = { ...process.env, GIT_INDEX_FILE: join(folder, 'trial-index') }
  const own = async (args, input) => {
    const who = ['-c', 'user.name=trial', '-c', 'user.email=trial@localhost']
    const child = run('git', ['-C', folder, ...who, ...args], { env })
    if (input !== undefined) child.child.stdin.end(input)
    return (await child).stdout.trim()
  }
  await own(['read-tree', commit])
  if (trigger) {
    const path = `.github/workflows/${trigger.file}`
    const text = (await run('git', ['-C', folder, 'show', `${commit}:${path}`], { maxBuffer })).stdout
    if (!text.includes(trigger.from)) throw new Error(`${repository}: ${path} has no "${trigger.from}"`)
    const blob = await own(['hash-object', '-w', '--stdin'], text.replace(trigger.from, trigger.to))
    await own(['update-index', '--cacheinfo', `100644,${blob},${path}`])
  }
  const parents = isWhole ? ['-p', commit] : []
  return own(['commit-tree', await own(['write-tree']), ...parents, '-m', 'Commit of the trial'])
}

async function trial(entry) {
  const [owner, name] = entry.repository.split('/').map(slug)
  // Another trial of the same repository is another project.
  const project = `${owner}/${name}-${Date.now().toString(36)}`.slice(0, 79)
  await juanie('org', 'create', owner).catch(() => {})
  await juanie('project', 'create', project.split('/')[1], '--org', owner)
  const { token } = await juanie('token', 'create', `trial-${Date.now()}`)
  const address = new URL(`/git/${project}.git`, values.juanie)
  address.username = 'x'
  address.password = token
  const folder = mkdtempSync(join(tmpdir(), 'corpus-'))
  try {
    const commit = await prepare(folder, entry)
    await git(folder, 'push', '-q', address.href, `${commit}:refs/heads/${entry.branch ?? 'main'}`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return await ended(project, entry)
}

/** Waits until all runs are over. Those that are not wanted, and those that only wait for other machines, are ended. */
async function ended(project, { workflows, composite = [] }) {
  const isWanted = ({ workflow }) =>
    !workflows || workflows.some((file) => workflowFolders.some((folder) => workflow.file === `${folder}/${file}`))
  const over = new Map()
  const until = Date.now() + limitMs
  for (let waits = true; waits && Date.now() < until + 300_000; ) {
    await setTimeout(pollMs)
    waits = false
    for (const { number } of await juanie('run', 'list', '--project', project, '--limit', '50')) {
      if (over.has(number)) continue
      const view = await juanie('run', 'view', String(number), '--project', project)
      if (view.finishedAt !== null) {
        over.set(number, view)
        continue
      }
      waits = true
      const open = view.jobs.filter(({ finishedAt }) => finishedAt === null)
      const isStuck = open.every((job) => job.status === 'queued' && job.labels.some((label) => foreign.test(label)))
      if (!view.isCanceling && (!isWanted(view) || isStuck || Date.now() > until)) {
        await juanie('run', 'cancel', String(number), '--project', project).catch(() => {})
      }
    }
    waits ||= over.size === 0
  }
  const jobs = []
  for (const view of [...over.values()].filter(isWanted)) {
    const logs = await logsOf(project, view.number)
    for (const job of view.jobs) jobs.push(judged(job, { view, composite, lines: logs.get(job.name) ?? [] }))
    if (view.jobs.length === 0) jobs.push({ file: view.workflow.file, job: null, status: view.status })
  }
  return jobs
}

/** What a job did, read from its steps and its log. */
function judged(job, { view, composite, lines }) {
  const failed = job.steps.find(({ conclusion }) => conclusion === 'failure')
  const has = (pattern) => lines.some((line) => pattern.test(line))
  return {
    file: view.workflow.file.split('/').at(-1),
    job: job.name,
    status: job.status,
    ...(job.labels.some((label) => foreign.test(label)) && { elsewhere: true }),
    ...(view.jobs.filter(({ key }) => key === job.key).length > 1 && { matrix: true }),
    ...(has(/^Found in cache @ |^Successfully set up (CPython|PyPy)|^Successfully set up Go/) && { language: true }),
    ...(has(/^Cache (saved|restored) successfully|^Cache (saved|restored) (with|from) (the )?key|^Cache hit /i) && {
      cache: true,
    }),
    ...(has(/^Artifact .* successfully|^Artifact download completed|^Total of \d+ artifact\(s\) downloaded/) && {
      artifact: true,
    }),
    ...(job.steps.some(({ name, status }) => status === 'succeeded' && composite.includes(name)) && {
      composite: true,
    }),
    ...(failed && {
      failed: failed.name.slice(0, 120),
      error: lines.find((line) => /##\[error\]|ENOTFOUND/.test(line))?.slice(0, 200),
    }),
  }
}

/** Lines of each job of a run, by its name. */
async function logsOf(project, number) {
  const folder = mkdtempSync(join(tmpdir(), 'corpus-'))
  const file = join(folder, 'log')
  const out = openSync(file, 'w')
  try {
    // Where a step begins is said beside the lines.
    const child = spawn(process.execPath, [cli, 'logs', String(number), '--project', project], {
      stdio: ['ignore', out, out],
    })
    await once(child, 'close')
    const jobs = new Map()
    let lines = []
    for (const line of readFileSync(file, 'utf8').split('\n')) {
      const begins = /^— (.*) \/ /.exec(line)
      if (begins) {
        lines = jobs.get(begins[1]) ?? []
        jobs.set(begins[1], lines)
      }
      lines.push(line)
    }
    return jobs
  } finally {
    closeSync(out)
    rmSync(folder, { recursive: true, force: true })
  }
}

const entries = JSON.parse(readFileSync(values.list, 'utf8'))
if (values.table) console.log(tableOf(entries))
else {
  if (!values.source) throw new Error('--source: is missing. Example: --source https://github.com')
  for (const entry of entries.filter(({ repository }) => !values.only || values.only.includes(repository))) {
    try {
      entry.jobs = await trial(entry)
      delete entry.problem
    } catch (error) {
      entry.problem = error.message.slice(0, 500)
      entry.jobs = []
    }
    writeFileSync(values.list, `${JSON.stringify(entries, null, 1)}\n`)
    for (const { status, job, failed = '' } of entry.jobs)
      console.log(`${entry.repository}  ${status}  ${job}  ${failed}`)
    if (entry.problem) console.log(`${entry.repository}  ${entry.problem}`)
  }
}
