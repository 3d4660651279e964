// Builds the console into `dist/web/`, compressed beforehand, with one page for each language.
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'

const languages = ['en', 'zh-CN']
/** Below this a compressed answer saves no packet. */
const smallest = 1_000

export async function buildWeb(root, stamp) {
  // What runs a test or a shell for development says so here; people are served neither.
  process.env.NODE_ENV = 'production'
  const { build } = await import('vite')
  const target = join(root, 'dist', 'web')
  const outDir = `${target}.${process.pid}.new`
  try {
    await build({
      configFile: join(root, 'apps', 'web', 'vite.config.ts'),
      logLevel: 'warn',
      build: { outDir, manifest: 'manifest.json' },
    })
    writePages(outDir)
    await compressAll(outDir)
    writeFileSync(join(outDir, 'stamp'), stamp)
    // What is there is never half of one build and half of another.
    rmSync(target, { recursive: true, force: true })
    renameSync(outDir, target)
  } finally {
    rmSync(outDir, { recursive: true, force: true })
  }
}

/** The page of each language asks at once for what every page needs, so that the browser need not find it step by step. */
function writePages(folder) {
  const page = readFileSync(join(folder, 'index.html'), 'utf8')
  const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'))
  for (const language of languages) {
    const needed = new Set()
    const styles = new Set()
    const add = (key) => {
      const chunk = manifest[key]
      if (!chunk || needed.has(chunk.file)) return
      needed.add(chunk.file)
      for (const style of chunk.css ?? []) styles.add(style)
      for (const imported of chunk.imports ?? []) add(imported)
    }
    for (const key of [`src/locales/${language}.ts`]) {
      if (!manifest[key]) throw new Error(`The build of the console has no ${key}.`)
      add(key)
    }
    const tags = [
      ...[...needed].map((file) => `<link rel="modulepreload" crossorigin href="/${file}">`),
      ...[...styles].map((file) => `<link rel="stylesheet" crossorigin href="/${file}">`),
    ].filter((tag) => !page.includes(tag))
    writeFileSync(
      join(folder, `index.${language}.html`),
      page.replace('<html lang="en">', `<html lang="${language}">`).replace('</head>', `${tags.join('\n')}\n</head>`),
    )
  }
  rmSync(join(folder, 'index.html'))
  rmSync(join(folder, 'manifest.json'))
}

async function compressAll(folder) {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(js|css|svg|html)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
  await Promise.all(
    files.map(async (file) => {
      const content = readFileSync(file)
      if (content.length < smallest) return
      const [brotli, zipped] = await Promise.all([
        promisify(brotliCompress)(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 10 } }),
        promisify(gzip)(content, { level: 9 }),
      ])
      writeFileSync(`${file}.br`, brotli)
      writeFileSync(`${file}.gz`, zipped)
    }),
  )
}
