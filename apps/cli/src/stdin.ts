import { readFileSync } from 'node:fs'
import { usageError } from './exit.ts'

const maxBytes = 1024 * 1024

/** Everything on standard input, without the last line break. */
export async function readStdin(): Promise<string> {
  if (process.stdin.isTTY)
    throw usageError('This reads its value from standard input: pipe it in, for example: printf %s "$VALUE" | juanie …')
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maxBytes) throw usageError('The value on standard input is larger than 1 MiB.')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '')
}

/** A value from `--file`, else from standard input; never from an argument, which others could read. */
export async function readValue(file: string | undefined): Promise<string> {
  if (file === undefined) return readStdin()
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '')
  } catch (error) {
    throw usageError(`--file: ${file} cannot be read: ${(error as Error).message}`)
  }
}
