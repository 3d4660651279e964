/** `default`: the repository has no workflow and Juanie detected one. */
export const origins = ['repository', 'default'] as const
export type Origin = (typeof origins)[number]

export interface PipelineView {
  id: string
  file: string
  name: string
  origin: Origin
  lastRun: number
  createdAt: string
}
