import { signInAgain } from './client.ts'
import { exitCodes, explain } from './exit.ts'
import { juanie } from './program.ts'

// A reader that goes away, such as `head`, is no failure; a disk that is full is one.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(exitCodes.done)
  process.stderr.write(`The answer cannot be written: ${error.message}\n`)
  process.exit(exitCodes.failed)
})

juanie()
  .parseAsync()
  .catch((error) => {
    process.exitCode = explain(error, signInAgain)
  })
