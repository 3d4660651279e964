/** `./en/runs.ts` holds what is said as `runs.…`. */
export const catalogue = (files: Record<string, { default: object }>): object =>
  Object.fromEntries(
    Object.entries(files).map(([path, { default: words }]) => [path.replace(/^.*\/|\.ts$/g, ''), words]),
  )
