import type { Application } from './contract.ts'
import { describeApplication } from './describe.ts'
import type { Files } from './paths.ts'
import { type Rendering, renderApplication } from './render.ts'

/** An application's folder in memory, for tests. */
export const filesOf = (texts: Record<string, string>): Files => ({
  read: (path) => (Object.hasOwn(texts, path) ? (texts[path] as string) : null),
  list: () => Object.keys(texts),
})

/** Describes and renders in one go; a text alone is a compose.yaml. */
export function applicationOf(texts: string | Record<string, string>, rendering: Partial<Rendering> = {}): Application {
  const files = typeof texts === 'string' ? { 'compose.yaml': texts } : texts
  return renderApplication(describeApplication(filesOf(files)), { environment: 'dev', variables: {}, ...rendering })
}
