/** The parts of an environment's page; the first has no name in the address. */
export const environmentTabs = ['overview', 'log', 'variables', 'settings'] as const
export type EnvironmentTab = (typeof environmentTabs)[number]

export const tabOf = (param: unknown): EnvironmentTab => environmentTabs.find((tab) => tab === param) ?? 'overview'
