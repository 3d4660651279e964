const { join } = require('node:path')

/**
 * The walls of the house. Every rule has a tree under `scripts/walls/<rule>/` that breaks it, and a test that sees it
 * fire.
 */
const domainFile = (names) => `^packages/services/src/[^/]+/(${names})\\.ts$`
const tests = '(\\.test\\.ts$|/testing/|/fixtures/)'

/** Files of runs that decide without a database, by their names. */
const pureRuns =
  '(ask-to-end|call-reasons|called-secrets|called-texts|calls|concurrency-group|contexts|mentions|plan|plan-input|pure)'

/** The floors: a domain may import those on its own line or below. */
const floors = [
  // Looks at everything below and changes nothing.
  ['overview'],
  ['deployments'],
  ['releases', 'artifacts', 'caches', 'identity', 'reports', 'webhooks'],
  // What jobs upload.
  ['storage'],
  ['runs'],
  ['actions', 'connections', 'pipelines', 'secrets'],
  // An environment is made together with its hostname.
  ['repositories', 'environments', 'routes'],
  ['applications', 'hosts', 'projects', 'templates'],
  ['organizations'],
  ['auth', 'users'],
]

const floorRules = floors.slice(1).map((floor, index) => ({
  name: `floor-${floor[0]}`,
  comment: 'Domains stand on each other and an import only points down; news that must go up travels as an event row.',
  severity: 'error',
  from: { path: `^packages/services/src/(${floor.join('|')})/`, pathNot: tests },
  to: {
    path: `^packages/services/src/(${floors
      .slice(0, index + 1)
      .flat()
      .join('|')})/`,
  },
}))

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: { pathNot: '^node_modules' }, to: { circular: true } },
    {
      name: 'core-knows-no-business',
      comment: 'The kernel is below everything.',
      severity: 'error',
      from: { path: '^packages/core/' },
      to: { path: '^(packages/(workflow|services|adapters)|apps)/' },
    },
    {
      name: 'workflow-is-pure',
      comment: 'The language stands alone: no other package, no network, no processes.',
      severity: 'error',
      from: { path: '^packages/workflow/', pathNot: tests },
      to: {
        path: '^((packages/(core|services|adapters)|apps)/|(node:)?(child_process|net|http|https|dgram|tls|worker_threads)$)',
      },
    },
    {
      name: 'services-know-no-app',
      severity: 'error',
      from: { path: '^packages/services/' },
      to: { path: '^(packages/adapters|apps)/' },
    },
    {
      name: 'services-import-no-driver',
      comment:
        'Services declare ports. They may import zod, drizzle-orm, core, workflow, yaml and a few pure node modules.',
      severity: 'error',
      from: { path: '^packages/services/', pathNot: tests },
      to: {
        dependencyTypesNot: ['local', 'localmodule', 'aliased', 'aliased-workspace', 'type-only'],
        pathNot:
          '(^packages/|node_modules/(@juanie|zod|drizzle-orm|yaml)(/|$)|^(node:)?(crypto|path|path/posix|buffer|util|stream|events)$)',
      },
    },
    {
      name: 'apps-never-import-apps',
      severity: 'error',
      from: { path: '^apps/([^/]+)/' },
      to: { path: '^apps/', pathNot: '^apps/($1/|server/src/router\\.ts$)' },
    },
    {
      name: 'the-router-is-a-type',
      comment: 'Clients take its type and nothing of its code.',
      severity: 'error',
      from: { path: '^apps/', pathNot: '^apps/server/' },
      to: { path: '^apps/server/src/router\\.ts$', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'agent-speaks-the-contract-only',
      comment:
        'The agent imports the workflow language, leaf utilities of core and the agent contract with what it names. Only its local mode decides over runs, see ADR 0017.',
      severity: 'error',
      from: { path: '^apps/agent/', pathNot: `${tests}|^apps/agent/src/local/` },
      to: {
        path: '^packages/(services|core)/',
        pathNot:
          '^packages/(services/src/(hosts|applications)/contract\\.ts|core/src/(errors|ids|points|crypto|home|config|config-kinds|lock|process-identity|start-error|system-user|bundle|tar-format|description-files|latency|port-holder|local-agent)\\.ts)',
      },
    },
    {
      name: 'local-runs-decide-by-pure-files',
      comment:
        'Of the services, the local mode of the agent has contracts, statuses and what of runs needs no database.',
      severity: 'error',
      from: { path: '^apps/agent/src/local/', pathNot: tests },
      to: {
        path: '^packages/(services|core)/',
        pathNot:
          '^packages/(services/src/((hosts|local-runs|runs)/contract|runs/(status|pure))\\.ts|core/src/(errors|ids|home|config|process-identity|start-error|outside-address|git/(mirrors|run-git))\\.ts)',
      },
    },
    {
      name: 'pure-files-of-runs',
      comment: 'What decides over a run is decided without a database, on a server and on anybody’s machine.',
      severity: 'error',
      from: { path: `^packages/services/src/runs/${pureRuns}\\.ts$` },
      to: {
        path: '^packages/services/src/runs/|/(service|tables)\\.ts$|core/src/database|node_modules/drizzle-orm|^(node:)?(fs|child_process|net|http)',
        pathNot: `^packages/services/src/runs/(${pureRuns}|contract|status)\\.ts$`,
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'cli-imports-contracts-only',
      severity: 'error',
      from: { path: '^apps/cli/', pathNot: tests },
      to: {
        path: '^packages/services/',
        pathNot: '/(contract|status|policy)\\.ts$',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'web-imports-contracts-only',
      comment: 'A browser gets vocabularies and tables of data; of everything else it knows the types.',
      severity: 'error',
      from: { path: '^apps/web/', pathNot: tests },
      to: {
        path: '^packages/',
        pathNot: '^packages/(services/src/[^/]+/(contract|status|policy|sentences)|workflow/src/(say|sentences))\\.ts$',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'domains-meet-at-the-front-door',
      severity: 'error',
      from: { path: '^packages/services/src/([^/]+)/', pathNot: tests },
      to: {
        path: '^packages/services/src/[^/]+/',
        pathNot: '^packages/services/src/($1/|[^/]+/(index|contract|status|policy|port|tables)\\.ts$)',
      },
    },
    {
      name: 'apps-enter-domains-by-named-files',
      severity: 'error',
      from: { path: '^apps/', pathNot: tests },
      to: {
        path: '^packages/services/src/[^/]+/',
        pathNot:
          '^packages/services/src/([^/]+/(index|contract|status|policy|sentences|port|tables|router|jobs)|runs/pure)\\.ts$',
      },
    },
    {
      name: 'contract-is-light',
      comment: 'Browser and agent load it: zod/mini, tables of data and other contracts only.',
      severity: 'error',
      from: { path: domainFile('contract') },
      to: {
        pathNot: '(/(contract|policy)\\.ts$|node_modules/zod/mini|node_modules/zod/v4/mini)',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'tables-of-data-are-pure',
      severity: 'error',
      from: { path: domainFile('status|policy') },
      to: { pathNot: '/(contract|status|policy)\\.ts$', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'plans-are-pure',
      severity: 'error',
      from: { path: domainFile('plan') },
      to: {
        path: '(/(service|router|jobs|tables)\\.ts$|core/src/database|node_modules/drizzle-orm|^(node:)?(fs|child_process|net|http))',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'routers-only-wire',
      severity: 'error',
      from: { path: domainFile('router|jobs') },
      to: { path: '(/tables\\.ts$|core/src/database|node_modules/drizzle-orm)' },
    },
    {
      name: 'one-reader-of-the-queue',
      comment: 'Which backend wakes workers is known to one file.',
      severity: 'error',
      from: { path: '^(apps|packages)/', pathNot: '(^packages/core/src/job-queue(/|\\.ts$)|\\.test\\.ts$)' },
      to: { path: '(^|node_modules/)bullmq' },
    },
    {
      name: 'nest-stays-in-the-server',
      severity: 'error',
      from: { path: '^(packages|apps/(agent|cli|web))/' },
      to: { path: 'node_modules/@nestjs' },
    },
    ...floorRules,
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|\\.data)/|^(apps|packages)/[^/]+/dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: join(__dirname, 'tsconfig.json') },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.json'],
    },
  },
}
