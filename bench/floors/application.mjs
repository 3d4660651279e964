// The application that both sides deploy and switch between: it answers with its version.
import { createServer } from 'node:http'

const version = process.env.VERSION ?? 'none'
const server = createServer((_request, response) => response.end(version))
process.once('SIGTERM', () => {
  server.close(() => process.exit(0))
  server.closeIdleConnections()
})
server.listen(Number(process.env.PORT ?? 3000), process.env.HOST ?? '127.0.0.1', () => {
  process.stdout.write(`${server.address().port}\n`)
})
