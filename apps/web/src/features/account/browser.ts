/** Most particular first: each also calls itself by the names of those after it. */
const browsers = [
  ['Edge', /\bEdgA?\//],
  ['Opera', /\bOPR\//],
  ['Firefox', /\b(Firefox|FxiOS)\//],
  ['Chrome', /\b(Chrome|CriOS|HeadlessChrome)\//],
  ['Safari', /\bSafari\//],
] as const
const systems = [
  ['Android', /\bAndroid\b/],
  ['iOS', /\b(iPhone|iPad)\b/],
  ['Windows', /\bWindows\b/],
  ['macOS', /\bMac OS X\b/],
  ['Linux', /\bLinux\b/],
] as const

/** The name of a browser and its system, from how it calls itself. */
export function browserOf(userAgent: string | null): { browser: string | null; system: string | null } {
  const text = userAgent ?? ''
  const named = (of: readonly (readonly [string, RegExp])[]) => of.find(([, says]) => says.test(text))?.[0] ?? null
  const own = /^[\w-]{1,40}/.exec(text)?.[0] ?? null
  return { browser: named(browsers) ?? own, system: named(systems) }
}
