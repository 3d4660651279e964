import type { TestProject } from 'vitest/node'
import { cloneRoot, loadConfig } from '../config.ts'
import { openHome } from '../home.ts'
import { openPostgres } from '../postgres/open.ts'
import { tempHome } from './temp-home.ts'
import { makeTemplate } from './template.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The server that tests make their databases on, with the rights to do so. */
    postgresUrl: string
  }
}

/**
 * One PostgreSQL per test run, in a temporary home; or the external one that JUANIE_TEST_DATABASE_URL names. It goes with
 * its home when the run ends, also when that is by Ctrl-C or kill -9.
 *
 * @public called by vitest
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { testDatabaseUrl } = loadConfig(process.env)
  if (testDatabaseUrl) {
    await makeTemplate(testDatabaseUrl, cloneRoot())
    project.provide('postgresUrl', testDatabaseUrl)
    return async () => {}
  }
  const home = tempHome()
  try {
    const postgres = await openPostgres(openHome(home.path), {
      // Nothing of a test must survive a crash of the machine.
      settings: { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '300' },
    })
    await makeTemplate(postgres.url, cloneRoot())
    project.provide('postgresUrl', postgres.url)
    return async () => {
      await postgres.stop()
      await home[Symbol.asyncDispose]()
    }
  } catch (error) {
    await home[Symbol.asyncDispose]()
    throw error
  }
}
