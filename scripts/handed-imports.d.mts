export function handImports(code: string): string
