import { StartError } from '@juanie/core/start-error'
import { serve } from './boot/serve.ts'

serve(process.env)
  .then(
    (code) => {
      process.exitCode = code
    },
    (error) => {
      // What the person can mend is a sentence; anything else is a defect and shows where it happened.
      console.error(error instanceof StartError ? `Juanie cannot start.\n${error.message}` : error)
      process.exitCode = 1
    },
  )
  // Whatever a library left open must not keep a server alive that has said goodbye.
  .finally(() => process.exit())
