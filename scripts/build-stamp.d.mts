export const programs: Record<string, string>
export const parts: Record<'programs' | 'web', { folders: string[]; files: string[]; stamp: string; results: string[] }>
export function currentStamp(root: string, part: string): string
export function builtStamp(root: string, part: string): string | null
