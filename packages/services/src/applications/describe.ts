import { composeNames, sourcesOf } from './compose/sources.ts'
import type { ApplicationSource } from './contract.ts'
import { asksOf, detect, languageOf, requiredVariables } from './detect.ts'
import type { Files } from './paths.ts'
import { Problems } from './problems.ts'
import { inspectSource } from './render.ts'
import { said } from './sentences.ts'

/** A release keeps its description in one row. */
const maxTotal = 4 * 1024 * 1024
const maxFiles = 500

/**
 * Reads the description of an application as it is written: a Compose file with every variant and every file it names,
 * else a Procfile, else what detection finds. Never throws for what people wrote: what is wrong is in `problems`.
 */
export function describeApplication(files: Files): ApplicationSource {
  const problems = new Problems()
  const listed = new Set(files.list())
  const source: ApplicationSource = {
    version: 1,
    kind: 'detected',
    entry: null,
    files: {},
    detected: {},
    requires: requiredVariables(files),
    asks: asksOf(files, problems),
    looksLike: languageOf(files),
    notHonoured: [],
    problems: [],
  }
  const entry = composeNames.find((name) => listed.has(name))
  const hasProcfile = listed.has('Procfile')
  if (entry !== undefined) {
    source.kind = 'compose'
    source.entry = entry
    for (const other of composeNames)
      if (other !== entry && listed.has(other))
        problems.warn({
          at: { file: other, line: 0, column: 0 },
          said: said('notRead', { other, entry }),
        })
  } else if (hasProcfile) {
    source.kind = 'procfile'
    source.entry = 'Procfile'
  }
  const { paths, contexts } = entry === undefined ? { paths: [], contexts: [] } : sourcesOf(entry, files)
  keep(source, [...paths, ...(hasProcfile ? ['Procfile'] : [])], files, problems)
  // Detection runs where a service could need it: in the folder itself, and in every build context.
  for (const folder of source.kind === 'procfile' ? [] : [...new Set(['.', ...contexts])].sort()) {
    const detected = detect(files, folder, problems)
    if (detected !== null) source.detected[folder] = detected
  }
  const { notHonoured, problems: found } = inspectSource(source)
  source.notHonoured = notHonoured
  source.problems = [...problems.list, ...found]
  return source
}

function keep(source: ApplicationSource, paths: readonly string[], files: Files, problems: Problems): void {
  let total = 0
  for (const path of paths) {
    const text = files.read(path)
    if (text === null) continue
    total += text.length
    if (total > maxTotal || Object.keys(source.files).length >= maxFiles) {
      problems.error({
        at: { file: path, line: 0, column: 0 },
        reason: 'application.too_large',
        said: said('descriptionLarge'),
      })
      return
    }
    source.files[path] = text
  }
}
