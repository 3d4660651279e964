/** Why a ref may not be pushed, as one sentence; null when it may. Git itself checks the rest of the name. */
export function refFault(ref: string): string | null {
  if (ref === 'refs/juanie' || ref.startsWith('refs/juanie/')) return 'refs/juanie is kept for Juanie itself'
  if (!ref.startsWith('refs/')) return 'a ref begins with refs/'
  if (Buffer.byteLength(ref) > 240) return 'the name is longer than 240 bytes'
  const short = ref.split('/').slice(2)
  if (short.length === 0) return 'the name is not complete'
  // Nothing here takes it for an option, but people's scripts would.
  if (short.some((part) => part.startsWith('-'))) return 'a part of the name begins with a dash; choose another name'
  return null
}
