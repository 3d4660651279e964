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
  return textValue(Buffer.concat(chunks), 'The value on standard input')
}

/** A value from `--file`, else from standard input; never from an argument, which others could read. */
export async function readValue(file: string | undefined): Promise<string> {
  if (file === undefined) return readStdin()
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch (error) {
    throw usageError(`--file: ${file} cannot be read: ${(error as Error).message}`)
  }
  return textValue(bytes, `--file: ${file}`)
}

/** Text without its last line break. Other bytes would be replaced without a word, and a key would open nothing. */
export function textValue(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes).replace(/\r?\n$/, '')
  } catch {
    throw usageError(`${what} is not UTF-8 text. Encode it first, for example with: base64 -w0`)
  }
}
