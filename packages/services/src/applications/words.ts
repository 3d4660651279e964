/** A command line as words, and the rest that Compose does not pass on. */
export interface Words {
  argv: string[]
  /** Where an unquoted `;`, `&`, `|`, `<` or `>` ended the reading; null when all was read. */
  cutAt: number | null
}

/**
 * Splits a command line into words as compose-go does, so that a release means the same on every runtime: quotes and
 * backslashes as in a shell, nothing expanded, and the reading ends at an unquoted operator. Null when a quote or
 * bracket is open at the end, or a bracket stands where a shell would want one quoted.
 */
export function splitWords(line: string): Words | null {
  const argv: string[] = []
  let word = ''
  let isWord = false
  let cutAt: number | null = null
  // Backquotes and brackets may hold quotes, so each has its own switch.
  const open = { single: false, double: false, back: false, bracket: false }
  const isOpen = () => open.single || open.double || open.back || open.bracket
  for (let index = 0; index < line.length; index++) {
    const char = line[index] as string
    if (char === '\\' && !open.single) {
      index += 1
      if (index === line.length) return null
      word += line[index]
      isWord = true
      continue
    }
    if (/[ \t\r\n]/.test(char)) {
      if (isOpen()) word += char
      else if (isWord) {
        argv.push(word)
        word = ''
        isWord = false
      }
      continue
    }
    if (';&|<>'.includes(char) && !isOpen()) {
      // A digit before `>` is the number of a stream, not a word.
      if (char === '>' && /^\d/.test(word)) isWord = false
      cutAt = index
      break
    }
    if (char === '"' && !open.single && !open.bracket) {
      open.double = !open.double
      // An empty pair of quotes is a word.
      isWord ||= !open.double
      continue
    }
    if (char === "'" && !open.double && !open.bracket) {
      open.single = !open.single
      isWord ||= !open.single
      continue
    }
    const isQuoted = open.single || open.double
    if (char === '`' && !isQuoted && !open.bracket) open.back = !open.back
    else if (char === ')' && !isQuoted && !open.back) open.bracket = !open.bracket
    else if (char === '(' && !isQuoted && !open.back) {
      if (open.bracket || !word.endsWith('$')) return null
      open.bracket = true
    }
    word += char
    isWord = true
  }
  if (isOpen()) return null
  if (isWord) argv.push(word)
  return { argv, cutAt }
}
