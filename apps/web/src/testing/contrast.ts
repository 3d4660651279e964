import { readFileSync } from 'node:fs'

export type Theme = 'light' | 'dark'
type Tokens = Record<string, string>

/** The colours of both themes, from the style sheet itself; what dark does not say is as in light. */
export function readTokens(): Record<Theme, Tokens> {
  const css = readFileSync(new URL('../styles/tokens.css', import.meta.url), 'utf8')
  const block = (selector: string): Tokens => {
    const start = css.indexOf(`${selector} {`)
    if (start < 0) throw new Error(`tokens.css has no ${selector}`)
    const body = css.slice(start, css.indexOf('}', start))
    return Object.fromEntries(
      [...body.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6})\s*;/gi)].map(([, name, colour]) => [name!, colour!]),
    )
  }
  const light = block(':root')
  return { light, dark: { ...light, ...block(':root.dark') } }
}

/** https://www.w3.org/TR/WCAG22/#dfn-relative-luminance */
function luminance(colour: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  }) as [number, number, number]
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

/** https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio, from 1 to 21. */
export function contrast(one: string, other: string): number {
  const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a) as [number, number]
  return (light + 0.05) / (dark + 0.05)
}

/** What stands on what: text first, then what is no text but must be seen. */
export const textPairs: readonly (readonly [string, string])[] = [
  ...['page', 'surface', 'sunken', 'hover', 'code'].flatMap((ground) => [
    ['text', ground] as const,
    ['muted', ground] as const,
  ]),
  ['on-primary', 'primary'],
  ['accent', 'page'],
  ['accent', 'surface'],
  ['accent', 'hover'],
  ['accent', 'accent-soft'],
  ['text', 'accent-soft'],
  ...['ok', 'bad', 'warn', 'live'].flatMap((tone) => [
    [tone, 'page'] as const,
    [tone, 'surface'] as const,
    [tone, 'hover'] as const,
    [tone, 'code'] as const,
    [tone, `${tone}-soft`] as const,
    ['text', `${tone}-soft`] as const,
  ]),
]

export const shapePairs: readonly (readonly [string, string])[] = [
  // Borders of controls.
  ['line-strong', 'page'],
  ['line-strong', 'surface'],
  // The ring of the focus.
  ['accent', 'page'],
  ['accent', 'surface'],
  ['accent', 'sunken'],
  ['accent', 'hover'],
  // Marks, charts and dots.
  ...['ok', 'bad', 'warn', 'live'].map((tone) => [tone, 'sunken'] as const),
]
