// Runs a program of `dist/` from its bundle in `dist/code/`, and keeps what V8 compiled of it beside it: reading that
// back is most of a start less. Node 20 keeps no such thing by itself. The bundle carries a hash of its content in its
// name, because V8 knows by the length alone whether a cache belongs to a text
// (https://nodejs.org/docs/latest-v20.x/api/vm.html#scriptcreatecacheddata).
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import vm from 'node:vm'

/** By then a server has compiled what a start needs; a command has ended long before. */
const keepAfterMs = 10_000

/** `name` is a CommonJS bundle in `dist/code/`. */
export function run(name) {
  const file = join(dirname(fileURLToPath(import.meta.url)), 'code', name)
  const cache = `${file}.${process.version}-${process.arch}`
  const cachedData = read(cache)
  // What is read back from a cache has lost who imports for it, so `import()` is handed to it by name.
  const names = 'exports, require, module, __filename, __dirname, dynamicImport'
  const script = new vm.Script(`(function (${names}) {${readFileSync(file, 'utf8')}\n})`, {
    filename: file,
    cachedData,
  })
  if (!cachedData || script.cachedDataRejected) keepLater(script, cache)
  const module = { exports: {} }
  const dynamicImport = (specifier) => import(specifier)
  script.runInThisContext()(module.exports, createRequire(file), module, file, dirname(file), dynamicImport)
}

function keepLater(script, cache) {
  let isKept = false
  const keep = () => {
    if (isKept) return
    isKept = true
    try {
      const temporary = `${cache}.${process.pid}`
      writeFileSync(temporary, script.createCachedData())
      renameSync(temporary, cache)
    } catch {
      // Somebody else's clone, or a full disk: the next start compiles again.
    }
  }
  setTimeout(keep, keepAfterMs).unref()
  process.once('exit', keep)
}

function read(file) {
  try {
    return readFileSync(file)
  } catch {
    return undefined
  }
}
