/** The health to show: `missing` of an environment that never had anything is no fault. */
export const healthStatus = ({ health, serving }: { health: string; serving: unknown }): string =>
  health === 'missing' && !serving ? 'never' : health
