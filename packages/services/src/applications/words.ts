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
  let quote: '' | '"' | "'" | '`' | '$(' = ''
  let cutAt: number | null = null
  for (let index = 0; index < line.length; index++) {
    const char = line[index] as string
    if (char === '\\' && quote !== "'") {
      index += 1
      if (index === line.length) return null
      word += line[index]
      isWord = true
    } else if (/[ \t\r\n]/.test(char)) {
      if (quote !== '') word += char
      else if (isWord) {
        argv.push(word)
        word = ''
        isWord = false
      }
    } else if (quote === '' && ';&|<>'.includes(char)) {
      // A digit before `>` is the number of a stream, not a word.
      if (char === '>' && /^\d/.test(word)) isWord = false
      cutAt = index
      break
    } else if (char === '(' && quote !== '"' && quote !== "'" && quote !== '`') {
      if (quote !== '' || !word.endsWith('$')) return null
      quote = '$('
      word += char
      isWord = true
    } else if ((char === '"' || char === "'") && (quote === '' || quote === char)) {
      quote = quote === '' ? char : ''
      // An empty pair of quotes is a word.
      isWord ||= quote === ''
    } else {
      if (char === '`' && (quote === '' || quote === '`')) quote = quote === '' ? '`' : ''
      else if (char === ')' && quote === '$(') quote = ''
      else if (char === ')' && quote === '') return null
      word += char
      isWord = true
    }
  }
  if (quote !== '') return null
  if (isWord) argv.push(word)
  return { argv, cutAt }
}
