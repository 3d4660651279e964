export const programs: Record<string, string>
export function currentStamp(root: string): string
export function builtStamp(root: string): string | null
