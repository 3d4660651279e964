export const templateNames = ['empty', 'node', 'static', 'python'] as const
export type TemplateName = (typeof templateNames)[number]
