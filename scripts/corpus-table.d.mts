export function tableOf(entries: unknown[]): string
