import { parseAst } from 'rolldown/parseAst'

/**
 * Calls `dynamicImport(…)` wherever the code says `import(…)`; see `run-program.mjs`. What stands in text, such as the
 * files of a template, is left as it is.
 */
export function handImports(code) {
  const places = []
  const waiting = [parseAst(code, { lang: 'js' })]
  for (let node = waiting.pop(); node; node = waiting.pop()) {
    if (node.type === 'ImportExpression') places.push(node.start)
    for (const value of Object.values(node)) {
      for (const child of Array.isArray(value) ? value : [value]) {
        if (typeof child?.type === 'string') waiting.push(child)
      }
    }
  }
  const pieces = []
  let from = 0
  for (const place of places.sort((a, b) => a - b)) {
    pieces.push(code.slice(from, place), 'dynamicImport')
    from = place + 'import'.length
  }
  return pieces.join('') + code.slice(from)
}
