import { loadConfig } from '@juanie/core/config'
import { openHome } from '@juanie/core/home'
import { freePort, type TempHome, type TestDb, tempHome, testDb } from '@juanie/core/testing/index'
import { type App, createApp } from '../app.ts'

export interface TestApp extends AsyncDisposable {
  app: App
  url: string
  db: TestDb
  home: TempHome
}

/** A whole server on a database, a home and a port of its own. */
export async function testApp(env: Record<string, string> = {}): Promise<TestApp> {
  const [db, home, port] = [await testDb(), tempHome(), await freePort()]
  const config = loadConfig({
    PORT: String(port),
    EDGE_PORT: '0',
    JUANIE_HOME: home.path,
    JUANIE_LOG_LEVEL: 'error',
    ...env,
  })
  const app = await createApp({ config, home: openHome(config.home), pool: db.pool })
  const { url } = await app.listen()
  return {
    app,
    url,
    db,
    home,
    async [Symbol.asyncDispose]() {
      await app.close()
      await db[Symbol.asyncDispose]()
      await home[Symbol.asyncDispose]()
    },
  }
}
