import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { staticServer } from './static-files.ts'

/**
 * Serves a folder as a site: `node static.mjs [folder] [--single-page]`, on PORT and HOST as every application of the
 * process runtime. Without a folder it is the present one.
 */
const { values, positionals } = parseArgs({
  options: { 'single-page': { type: 'boolean', default: false } },
  allowPositionals: true,
})
const folder = resolve(positionals[0] ?? '.')
const port = Number(process.env.PORT)
const host = process.env.HOST || '127.0.0.1'

function refuse(sentence: string): never {
  console.error(sentence)
  process.exit(2)
}

if (positionals.length > 1) refuse('Only one folder can be served. Example: static.mjs ./public')
if (!process.env.PORT || !Number.isInteger(port) || port < 0 || port > 65_535) {
  refuse('PORT must be a whole number from 0 to 65535. Example: PORT=3000')
}
if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory())
  refuse(`${folder} is no folder, so it cannot be served.`)

const server = staticServer({ folder, isSinglePage: values['single-page'] })
server.once('error', (error) => refuse(`Cannot listen on ${host}:${port}: ${error.message}`))
server.listen({ host, port }, () => console.log(`Serving ${folder}.`))

const stop = () => {
  server.close(() => process.exit(0))
  server.closeIdleConnections()
}
process.on('SIGTERM', stop)
process.on('SIGINT', stop)
