// How a floor speaks with the benchmark: JSON, one object a line.
import { createInterface } from 'node:readline'

export const told = JSON.parse(process.argv[2] ?? '{}')

export const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`)

/** Calls `take` for each message; the end of the input ends the floor. */
export function hear(take, ended = () => {}) {
  createInterface({ input: process.stdin })
    .on('line', (line) => take(JSON.parse(line)))
    .on('close', async () => {
      await ended()
      process.exit(0)
    })
}
