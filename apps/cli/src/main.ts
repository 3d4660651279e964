import { signInAgain } from './client.ts'
import { explain } from './exit.ts'
import { juanie } from './program.ts'

// A reader that goes away, such as `head`, is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
})

juanie()
  .parseAsync()
  .catch((error) => {
    process.exitCode = explain(error, signInAgain)
  })
