/**
 * How well a text fits what was typed: 0 when a letter is missing, more the better. Letters must come in their order;
 * those that follow each other, and those that begin a word, count more; what is short wins.
 */
export function score(text: string, typed: string): number {
  const wanted = typed.toLowerCase().replace(/\s+/g, '')
  if (wanted === '') return 1
  const given = text.toLowerCase()
  const whole = given.indexOf(typed.toLowerCase().trim())
  let points = whole < 0 ? 0 : whole === 0 || isStart(given, whole) ? 200 : 8
  let at = 0
  let run = 0
  for (const letter of wanted) {
    const found = given.indexOf(letter, at)
    if (found < 0) return 0
    run = found === at && at > 0 ? run + 1 : 0
    points += 1 + run * 2 + (isStart(given, found) ? 5 : 0)
    at = found + letter.length
  }
  return points + 10 / (given.length + 1)
}

const isStart = (text: string, at: number): boolean => at === 0 || /[^\p{L}\p{N}]/u.test(text[at - 1]!)

/** Those that fit, the best first; of equals, as they came. */
export function ranked<T>(all: readonly T[], typed: string, textOf: (one: T) => string): T[] {
  return all
    .map((one, place) => ({ one, place, points: score(textOf(one), typed) }))
    .filter(({ points }) => points > 0)
    .sort((a, b) => (typed.trim() === '' ? a.place - b.place : b.points - a.points || a.place - b.place))
    .map(({ one }) => one)
}
