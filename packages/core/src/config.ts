import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import * as kind from './config-kinds.ts'
import { StartError } from './start-error.ts'

type Variable<S extends z.ZodType> = {
  /** Reads the text of the variable; never sees an empty one, which counts as unset. */
  schema: S
  /** What an unset variable means, as the documentation shows it. */
  default: string
  meaning: string
  example: string
  /** A secret's value is never repeated in an error. */
  secret?: true
  /** Not for people who run Juanie: set by its own launchers and tests. */
  internal?: true
}

const variable = <S extends z.ZodType>(described: Variable<S>) => described

const variables = {
  PORT: variable({
    schema: kind.port.default(3000),
    default: '3000',
    meaning: 'Port of the server; 0 takes any free one.',
    example: '3000',
  }),
  HOST: variable({
    schema: kind.host.default('127.0.0.1'),
    default: '127.0.0.1',
    meaning: 'Address on which the server listens; 0.0.0.0 to be reached from elsewhere.',
    example: '0.0.0.0',
  }),
  EDGE_PORT: variable({
    schema: kind.port.default(8080),
    default: '8080',
    meaning: 'Port on which the edge serves the applications; 0 takes any free one.',
    example: '8080',
  }),
  EDGE_HOST: variable({
    schema: kind.host.optional(),
    default: 'HOST',
    meaning: 'Address on which the edge listens.',
    example: '0.0.0.0',
  }),
  JUANIE_URL: variable({
    schema: kind.httpUrl.optional(),
    default: 'http://127.0.0.1:<PORT>',
    meaning: 'Address under which people and webhooks reach Juanie: links, cookies and git remotes.',
    example: 'https://juanie.example.com',
  }),
  JUANIE_HOME: variable({
    schema: kind.text.optional(),
    default: '.data in the clone',
    meaning: 'Folder that holds everything Juanie keeps; a relative path starts at the clone.',
    example: '/var/lib/juanie/home',
  }),
  JUANIE_ADMIN_EMAIL: variable({
    schema: kind.email.optional(),
    default: 'none: a one-time setup link is printed',
    meaning: 'Makes the first administrator at the first start; needs JUANIE_ADMIN_PASSWORD.',
    example: 'ada@example.com',
  }),
  JUANIE_ADMIN_PASSWORD: variable({
    schema: kind.password.optional(),
    default: 'none',
    meaning: 'Password of the first administrator, at least 8 characters; not used once there is one.',
    example: 'correct horse battery staple',
    secret: true,
  }),
  JUANIE_ORGANIZATION: variable({
    schema: kind.slug.default('main'),
    default: 'main',
    meaning: 'Name of the first organization, as it stands in addresses.',
    example: 'main',
  }),
  JUANIE_BASE_DOMAIN: variable({
    schema: kind.domain.default('localhost'),
    default: 'localhost',
    meaning: 'Suffix of the hostnames that environments get by themselves.',
    example: 'apps.example.com',
  }),
  JUANIE_TRUST_PROXY: variable({
    schema: kind.trustProxy.default(false),
    default: 'false',
    meaning: 'Whose X-Forwarded-* headers are believed: true, a number of hops, or addresses and networks.',
    example: '10.0.0.0/8,127.0.0.1',
  }),
  JUANIE_MASTER_KEY: variable({
    schema: kind.key.optional(),
    default: 'made at the first start and kept in the home; required with DATABASE_URL',
    meaning: 'Key of 32 bytes, as base64 or hex, that encrypts the secrets in the database.',
    example: '$(openssl rand -base64 32)',
    secret: true,
  }),
  DATABASE_URL: variable({
    schema: kind.postgresUrl.optional(),
    default: 'none: Juanie starts its own PostgreSQL',
    meaning: 'External PostgreSQL, version 15 or newer.',
    example: 'postgres://juanie:password@db.example.com:5432/juanie',
    secret: true,
  }),
  REDIS_URL: variable({
    schema: kind.redisUrl.optional(),
    default: 'none: queues lie in PostgreSQL',
    meaning: 'Redis for the queues; its maxmemory-policy must be noeviction.',
    example: 'redis://redis.example.com:6379',
    secret: true,
  }),
  JUANIE_AGENT_JOBS: variable({
    schema: kind.count(1, 1024).optional(),
    default: 'number of cores, at least 2',
    meaning: 'How many jobs the agent runs at once.',
    example: '4',
  }),
  JUANIE_ALLOW_PRIVATE_ADDRESSES: variable({
    schema: kind.networks.default([]),
    default: 'none',
    meaning: 'Private networks that Juanie may call, for example that of a self-hosted forge.',
    example: '10.1.0.0/16,192.168.7.20',
  }),
  JUANIE_WEBHOOK_SECRET: variable({
    schema: kind.token.optional(),
    default: 'none: only the webhooks of single connections are taken',
    meaning:
      'Secret of webhooks that serve the whole installation, at /api/webhooks/<provider>; at least 16 characters.',
    example: '$(openssl rand -hex 32)',
    secret: true,
  }),
  JUANIE_REPOSITORY_MAX_BYTES: variable({
    schema: kind.count(1024, 2 ** 42).default(4 * 1024 * 1024 * 1024),
    default: '4294967296',
    meaning: 'Largest connected repository that is fetched, in bytes, packed.',
    example: '1073741824',
  }),
  JUANIE_ACTIONS_URL: variable({
    schema: kind.sources.default(['https://github.com']),
    default: 'https://github.com',
    meaning: 'Where actions and reusable workflows come from: one or more addresses, looked at in order.',
    example: 'file:///srv/actions,https://github.com',
  }),
  JUANIE_NODE24: variable({
    schema: kind.absolutePath.optional(),
    default: 'none: obtained once through npm',
    meaning: 'Program of a Node.js 24 or newer, for actions that ask for it.',
    example: '/opt/node24/bin/node',
  }),
  JUANIE_TOOL_CACHE: variable({
    schema: kind.absolutePath.optional(),
    default: 'none',
    meaning: 'Folder of tools, laid out as RUNNER_TOOL_CACHE, that the tool cache of every project begins with.',
    example: '/srv/tools',
  }),
  JUANIE_JOB_ENV: variable({
    schema: kind.passedNames.default([]),
    default: 'none',
    meaning: 'Names of variables of the environment that jobs get too, such as that of a proxy.',
    example: 'HTTPS_PROXY,NO_PROXY,NODE_EXTRA_CA_CERTS',
  }),
  JUANIE_LOG_LEVEL: variable({
    schema: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'], kind.oneOf).default('info'),
    default: 'info',
    meaning: 'How much the programs log: trace, debug, info, warn, error or silent.',
    example: 'debug',
  }),
  JUANIE_METRICS_TOKEN: variable({
    schema: kind.token.optional(),
    default: 'none: /metrics answers this machine only',
    meaning: 'Bearer token with which /metrics answers from elsewhere; at least 16 characters.',
    example: '$(openssl rand -hex 24)',
    secret: true,
  }),
  JUANIE_GIT_MAX_PUSH_BYTES: variable({
    schema: kind.count(1024, 2 ** 40).default(512 * 1024 * 1024),
    default: '536870912',
    meaning: 'Largest push that is accepted, in bytes.',
    example: '104857600',
  }),
  JUANIE_BUNDLE_MAX_BYTES: variable({
    schema: kind.count(1024, 2 ** 40).default(1024 * 1024 * 1024),
    default: '1073741824',
    meaning: 'Largest bundle of a release, in bytes, packed.',
    example: '268435456',
  }),
  JUANIE_KEEP_RUNS_DAYS: variable({
    schema: kind.count(1, 36_500).default(90),
    default: '90',
    meaning: 'Days for which runs and their logs are kept.',
    example: '30',
  }),
  JUANIE_KEEP_ARTIFACTS_DAYS: variable({
    schema: kind.count(1, 400).default(90),
    default: '90',
    meaning: 'Days for which the artifacts of runs are kept, at most; a workflow may ask for fewer.',
    example: '30',
  }),
  JUANIE_ARTIFACT_MAX_BYTES: variable({
    schema: kind.count(1024, 2 ** 42).default(10 * 1024 * 1024 * 1024),
    default: '10737418240',
    meaning: 'Largest artifact of a run, in bytes, packed.',
    example: '1073741824',
  }),
  JUANIE_KEEP_CACHES_DAYS: variable({
    schema: kind.count(1, 400).default(7),
    default: '7',
    meaning: 'Days for which a cache is kept that no run uses.',
    example: '14',
  }),
  JUANIE_CACHE_MAX_BYTES: variable({
    schema: kind.count(1024, 2 ** 42).default(10 * 1024 * 1024 * 1024),
    default: '10737418240',
    meaning: 'What the caches of one project may take, in bytes; beyond it the least recently used go.',
    example: '2147483648',
  }),
  JUANIE_KEEP_DEPLOYMENTS: variable({
    schema: kind.count(1, 10_000).default(10),
    default: '10',
    meaning: 'Deployments that succeeded and are kept for a rollback, per environment.',
    example: '20',
  }),
  JUANIE_DEFAULT_SOAK: variable({
    schema: kind.duration.default(30_000),
    default: '30s',
    meaning: 'How long a new version must stay healthy under traffic, where nothing else says so.',
    example: '2m',
  }),
  JUANIE_DEFAULT_DRAIN: variable({
    schema: kind.duration.default(30_000),
    default: '30s',
    meaning: 'How long requests under way may take to end when a version stops.',
    example: '30s',
  }),
  JUANIE_DEFAULT_START_LIMIT: variable({
    schema: kind.duration.default(60_000),
    default: '60s',
    meaning: 'How long a new version may take to become healthy.',
    example: '90s',
  }),
  JUANIE_DEFAULT_PROBE_TIMEOUT: variable({
    schema: kind.duration.default(5_000),
    default: '5s',
    meaning: 'How long one health probe may take.',
    example: '2s',
  }),
  JUANIE_DEFAULT_PROBES: variable({
    schema: kind.count(1, 100).default(3),
    default: '3',
    meaning: 'Good probes in a row that make a new version healthy.',
    example: '5',
  }),
  JUANIE_ROOT: variable({
    schema: kind.text.optional(),
    default: 'the clone that the program lies in',
    meaning: 'The clone; set by the launchers.',
    example: '/opt/juanie',
    internal: true,
  }),
  JUANIE_READY_FD: variable({
    schema: kind.count(3, 255).optional(),
    default: 'none',
    meaning: 'Descriptor on which the server says that it is ready; set by `juanie up`.',
    example: '3',
    internal: true,
  }),
  JUANIE_TEST_DATABASE_URL: variable({
    schema: kind.postgresUrl.optional(),
    default: 'none: a test run starts its own PostgreSQL',
    meaning: 'External PostgreSQL on which a test run makes its databases.',
    example: 'postgres://postgres:password@127.0.0.1:5432/postgres',
    secret: true,
    internal: true,
  }),
  JUANIE_DROP_JOBS: variable({
    schema: kind.count(0, 1).default(0),
    default: '0',
    meaning: 'With 1 every queued job is lost, so that sweeps alone must finish the work; for tests.',
    example: '1',
    internal: true,
  }),
  JUANIE_CRASH_POINT: variable({
    schema: kind.text.optional(),
    default: 'none',
    meaning: 'Point of the code at which the program kills itself; for tests of recovery.',
    example: 'deployment.switching.before',
    internal: true,
  }),
} satisfies Record<string, Variable<z.ZodType>>

const schema = z.object(
  Object.fromEntries(Object.entries(variables).map(([name, { schema }]) => [name, schema])) as {
    [Name in keyof typeof variables]: (typeof variables)[Name]['schema']
  },
)

/** What `docs/configuration.md` lists, in its order. */
export const configVariables: readonly { name: string; default: string; meaning: string; internal: boolean }[] =
  Object.entries(variables as Record<string, Variable<z.ZodType>>).map(([name, v]) => ({
    name,
    default: v.default,
    meaning: v.meaning,
    internal: v.internal === true,
  }))

export type Config = ReturnType<typeof loadConfig>

/**
 * Reads the environment; nothing else of Juanie does. Throws a `StartError` that names every variable that is wrong,
 * what is wrong with it and a value that would do.
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>>) {
  const given = Object.fromEntries(
    Object.keys(variables).flatMap((name) => {
      const value = env[name]?.trim()
      return value ? [[name, value]] : []
    }),
  )
  const parsed = schema.safeParse(given)
  if (!parsed.success) throw new StartError(parsed.error.issues.map((issue) => complaint(issue, given)).join('\n'))
  const v = parsed.data
  const root = v.JUANIE_ROOT ?? cloneRoot()
  const problems: string[] = []
  if (Boolean(v.JUANIE_ADMIN_EMAIL) !== Boolean(v.JUANIE_ADMIN_PASSWORD)) {
    const [missing, present] = v.JUANIE_ADMIN_EMAIL
      ? (['JUANIE_ADMIN_PASSWORD', 'JUANIE_ADMIN_EMAIL'] as const)
      : (['JUANIE_ADMIN_EMAIL', 'JUANIE_ADMIN_PASSWORD'] as const)
    problems.push(`${missing}: is missing, and ${present} needs it. Example: ${example(missing)}`)
  }
  if (v.DATABASE_URL && !v.JUANIE_MASTER_KEY) {
    problems.push(
      `JUANIE_MASTER_KEY: is missing, and an external database needs it. Example: ${example('JUANIE_MASTER_KEY')}`,
    )
  }
  if (v.PORT !== 0 && v.PORT === v.EDGE_PORT) {
    problems.push(`EDGE_PORT: is ${v.EDGE_PORT}, which PORT has too. Example: ${example('EDGE_PORT')}`)
  }
  if (problems.length > 0) throw new StartError(problems.join('\n'))

  return {
    root,
    home: v.JUANIE_HOME
      ? isAbsolute(v.JUANIE_HOME)
        ? resolve(v.JUANIE_HOME)
        : resolve(root, v.JUANIE_HOME)
      : join(root, '.data'),
    port: v.PORT,
    host: v.HOST,
    edgePort: v.EDGE_PORT,
    edgeHost: v.EDGE_HOST ?? v.HOST,
    url: v.JUANIE_URL ?? `http://127.0.0.1:${v.PORT}`,
    /** True when the address was given, and so must not follow the port. */
    isUrlGiven: v.JUANIE_URL !== undefined,
    adminEmail: v.JUANIE_ADMIN_EMAIL ?? null,
    adminPassword: v.JUANIE_ADMIN_PASSWORD ?? null,
    organization: v.JUANIE_ORGANIZATION,
    baseDomain: v.JUANIE_BASE_DOMAIN,
    trustProxy: v.JUANIE_TRUST_PROXY,
    /** Null in the embedded installation, whose key lies in the home. */
    masterKey: v.JUANIE_MASTER_KEY ?? null,
    databaseUrl: v.DATABASE_URL ?? null,
    redisUrl: v.REDIS_URL ?? null,
    agentJobs: v.JUANIE_AGENT_JOBS ?? Math.max(2, availableParallelism()),
    allowPrivateAddresses: v.JUANIE_ALLOW_PRIVATE_ADDRESSES,
    actionSources: v.JUANIE_ACTIONS_URL,
    node24: v.JUANIE_NODE24 ?? null,
    toolCache: v.JUANIE_TOOL_CACHE ?? null,
    /** What of this environment every job gets. */
    jobEnvironment: Object.fromEntries(
      v.JUANIE_JOB_ENV.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])),
    ) as Record<string, string>,
    logLevel: v.JUANIE_LOG_LEVEL,
    metricsToken: v.JUANIE_METRICS_TOKEN ?? null,
    webhookSecret: v.JUANIE_WEBHOOK_SECRET ?? null,
    repositoryMaxBytes: v.JUANIE_REPOSITORY_MAX_BYTES,
    gitMaxPushBytes: v.JUANIE_GIT_MAX_PUSH_BYTES,
    bundleMaxBytes: v.JUANIE_BUNDLE_MAX_BYTES,
    keepRunsDays: v.JUANIE_KEEP_RUNS_DAYS,
    keepArtifactsDays: v.JUANIE_KEEP_ARTIFACTS_DAYS,
    artifactMaxBytes: v.JUANIE_ARTIFACT_MAX_BYTES,
    keepCachesDays: v.JUANIE_KEEP_CACHES_DAYS,
    cacheMaxBytes: v.JUANIE_CACHE_MAX_BYTES,
    keepDeployments: v.JUANIE_KEEP_DEPLOYMENTS,
    defaults: {
      soakMs: v.JUANIE_DEFAULT_SOAK,
      drainMs: v.JUANIE_DEFAULT_DRAIN,
      startLimitMs: v.JUANIE_DEFAULT_START_LIMIT,
      probeTimeoutMs: v.JUANIE_DEFAULT_PROBE_TIMEOUT,
      probes: v.JUANIE_DEFAULT_PROBES,
    },
    readyFd: v.JUANIE_READY_FD ?? null,
    testDatabaseUrl: v.JUANIE_TEST_DATABASE_URL ?? null,
    dropJobs: v.JUANIE_DROP_JOBS === 1,
    crashPoint: v.JUANIE_CRASH_POINT ?? null,
  }
}

const example = (name: keyof typeof variables) => `${name}=${variables[name].example}`

function complaint(issue: z.core.$ZodIssue, given: Record<string, string>): string {
  const name = issue.path[0] as keyof typeof variables
  const described: Variable<z.ZodType> = variables[name]
  const value = described.secret ? '' : `, not "${given[name]}"`
  return `${name}: ${issue.message}${value}. Example: ${example(name)}`
}

/** The clone that this very file lies in, be it as source or inside a bundle. */
export function cloneRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  for (let level = 0; level < 6; level++) {
    if (existsSync(join(folder, 'package-lock.json')) && existsSync(join(folder, 'migrations'))) return folder
    folder = dirname(folder)
  }
  throw new StartError(
    'JUANIE_ROOT: is missing, and this program does not lie in a clone of Juanie. Example: JUANIE_ROOT=/opt/juanie',
  )
}
