import type { Database } from '@juanie/core/database'
import { AppError, notFound } from '@juanie/core/errors'
import type { ProjectScope } from '@juanie/core/scope'
import { dispatchInputs, type Workflow } from '@juanie/workflow'
import { and, eq, isNull } from 'drizzle-orm'
import { environments } from '../environments/tables.ts'
import type { Pipelines, WorkflowAt } from '../pipelines/index.ts'
import type { GitStore } from '../repositories/index.ts'
import { shortRef } from './contexts.ts'
import type { ListStartable, Startable } from './contract.ts'
import { type ProjectFacts, projectFacts } from './facts.ts'

/** Says what can be started by hand. */
export class StartableWorkflows {
  readonly #db: Database
  readonly #git: GitStore
  readonly #pipelines: Pipelines

  constructor(parts: { db: Database; git: GitStore; pipelines: Pipelines }) {
    this.#db = parts.db
    this.#git = parts.git
    this.#pipelines = parts.pipelines
  }

  async list(scope: ProjectScope, input: ListStartable): Promise<Startable> {
    const project = await projectFacts(this.#db, scope.projectId)
    if (!project) throw notFound('project')
    const { ref, id } = await resolveRef(this.#git, project, input.ref)
    const found = await this.#pipelines.read(project.repositoryId, id, project.defaultBranch)
    if (!found) throw notFound('commit')
    const triggerOf = ({ parsed }: WorkflowAt) => parsed.workflow?.on.workflowDispatch
    return {
      ref: shortRef(ref),
      commit: found.commit.id,
      title: found.commit.message.split('\n')[0]!.slice(0, 1000),
      workflows: found.workflows.flatMap((workflow) => {
        const trigger = triggerOf(workflow)
        if (!trigger) return []
        const inputs = Object.entries(trigger.inputs).map(([name, declared]) => ({ name, ...declared }))
        return [{ file: workflow.file, name: workflow.name, inputs }]
      }),
      others: found.workflows
        .filter((workflow) => !triggerOf(workflow))
        .map(({ file, name, parsed }) => ({
          file,
          name,
          problem: parsed.problems.find(({ severity }) => severity === 'error')?.message ?? null,
        })),
    }
  }
}

/** The branch or tag that a name means, and where it stands; the default branch without a name. */
export async function resolveRef(
  git: GitStore,
  project: ProjectFacts,
  given: string | undefined,
): Promise<{ ref: string; id: string }> {
  const name = given ?? project.defaultBranch
  if (name === null) {
    throw new AppError('conflict', 'repository.empty', {
      message: 'The repository has no branch yet; push one first.',
    })
  }
  for (const ref of name.startsWith('refs/') ? [name] : [`refs/heads/${name}`, `refs/tags/${name}`]) {
    const id = await git.ref(project.repositoryId, ref)
    if (id) return { ref, id }
  }
  throw new AppError('invalid', 'run.ref_unknown', {
    message: `ref: the repository has no branch or tag named ${name}.`,
    details: { ref: name },
  })
}

/** By file or by name; without either, the only one that can be started by hand. */
export function chooseWorkflow(workflows: WorkflowAt[], wanted: string | undefined): WorkflowAt {
  const named = workflows.filter(
    ({ file, name }) => wanted === undefined || file === wanted || name === wanted || file.endsWith(`/${wanted}`),
  )
  const callable = named.filter(({ parsed }) => !parsed.workflow || parsed.workflow.on.workflowDispatch !== undefined)
  const [first, ...more] = wanted === undefined ? callable : named
  if (first && more.length === 0) return first
  const names = callable.map(({ file }) => file).join(', ')
  throw new AppError('invalid', 'run.workflow_unclear', {
    message: first
      ? `workflow: several can be meant (${names}); name one by its file.`
      : wanted === undefined
        ? 'workflow: none of this commit can be started by hand; add workflow_dispatch to the `on` of one.'
        : `workflow: this commit has no workflow ${wanted}.`,
    details: { workflows: callable.map(({ file }) => file) },
  })
}

/** Inputs of the type `environment` name one of the project. */
export async function checkEnvironments(
  db: Database,
  projectId: string,
  { workflow, inputs }: { workflow: Workflow; inputs: Record<string, unknown> },
): Promise<void> {
  const declared = Object.entries(workflow.on.workflowDispatch?.inputs ?? {})
  const named = declared.flatMap(([name, { type }]) =>
    type === 'environment' && inputs[name] ? [[name, String(inputs[name])] as const] : [],
  )
  if (named.length === 0) return
  const rows = await db
    .select({ name: environments.name })
    .from(environments)
    .where(and(eq(environments.projectId, projectId), isNull(environments.deletedAt)))
    .orderBy(environments.position)
    .limit(1_000)
  const names = rows.map(({ name }) => name)
  const [wrong] = named.filter(([, value]) => !names.includes(value))
  if (!wrong) return
  throw new AppError('invalid', 'run.inputs_invalid', {
    message: `${wrong[0]}: the project has no environment "${wrong[1]}"; it has ${names.join(', ') || 'none'}.`,
    details: { field: wrong[0] },
  })
}

export function readInputs(workflow: Workflow, given: Record<string, string>): Record<string, unknown> {
  const { inputs, problems } = dispatchInputs(workflow, given)
  const errors = problems.filter(({ severity }) => severity === 'error')
  if (errors.length === 0) return inputs
  throw new AppError('invalid', 'run.inputs_invalid', {
    message: errors.map(({ message }) => message).join(' '),
    details: { problems: errors },
  })
}
