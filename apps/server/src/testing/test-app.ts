import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cloneRoot, loadConfig } from '@juanie/core/config'
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
  const [db, home, port, root] = [await testDb(), tempHome(), await freePort(), rootWithConsole()]
  const config = loadConfig({
    PORT: String(port),
    EDGE_PORT: '0',
    JUANIE_HOME: home.path,
    JUANIE_ROOT: root,
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
      rmSync(root, { recursive: true, force: true })
    },
  }
}

/** What the build leaves for the server to hand out, so that no test waits for a bundler; the real one is looked at by those in a browser. */
function rootWithConsole(): string {
  const root = mkdtempSync(join(tmpdir(), 'juanie-root-'))
  for (const folder of ['apps', 'packages']) symlinkSync(join(cloneRoot(), folder), join(root, folder))
  const folder = join(root, 'dist', 'web')
  mkdirSync(join(folder, 'assets'), { recursive: true })
  for (const language of ['en', 'zh-CN']) {
    writeFileSync(
      join(folder, `index.${language}.html`),
      `<!doctype html>\n<html lang="${language}"><title>Juanie</title><div id="app"></div>\n`,
    )
  }
  writeFileSync(join(folder, 'theme.js'), 'document.documentElement')
  writeFileSync(join(folder, 'assets', 'main-AbCd1234.js'), 'export {}')
  return root
}
