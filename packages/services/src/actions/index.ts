export type { ActionBundle, ActionMirrors, ActionName, ActionPlace, ActionSources, ResolvedAction } from './port.ts'
export { Actions } from './service.ts'
