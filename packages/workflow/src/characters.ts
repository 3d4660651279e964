/** With the `u` flag a whole surrogate pair is one character, so that only halves match. */
const unusable = /[\0\p{Surrogate}]/u
const everyHalf = /\p{Surrogate}/gu

/** What a text holds that neither a database nor an environment variable can; null when it is fine. */
export function characterFault(text: string): string | null {
  const found = unusable.exec(text)
  if (!found) return null
  return found[0] === '\0' ? 'a NUL character' : 'half of a surrogate pair, which is no character'
}

/** A text that was cut may end in the middle of a pair. */
export const wholeCharacters = (text: string): string => text.replace(everyHalf, '\ufffd')
