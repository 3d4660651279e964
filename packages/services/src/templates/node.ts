const server = `import { createServer } from 'node:http'

const port = Number(process.env.PORT ?? 3000)
const host = process.env.HOST ?? '127.0.0.1'

export const server = createServer((request, response) => {
  const { pathname } = new URL(request.url ?? '/', 'http://localhost')
  const answer = (status, type, body) => response.writeHead(status, { 'content-type': type }).end(body)
  if (pathname === '/healthz') return answer(200, 'application/json', '{"status":"ok"}\\n')
  if (pathname === '/') return answer(200, 'text/plain; charset=utf-8', 'Hello from Juanie!\\n')
  answer(404, 'text/plain; charset=utf-8', 'Not found\\n')
})

// Answers what is under way, takes nothing new, then ends.
process.once('SIGTERM', () => {
  server.close(() => process.exit(0))
  server.closeIdleConnections()
})

server.listen(port, host, () => console.log(\`listening on http://\${host}:\${server.address().port}\`))
`

const test = `import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, test } from 'node:test'

process.env.PORT = '0'
const { server } = await import('./server.js')
if (!server.listening) await once(server, 'listening')
const base = \`http://127.0.0.1:\${server.address().port}\`
after(() => server.close())

test('the page greets', async () => {
  assert.equal(await (await fetch(base)).text(), 'Hello from Juanie!\\n')
})

test('health is good', async () => {
  assert.equal((await fetch(\`\${base}/healthz\`)).status, 200)
})
`

const compose = `services:
  web:
    command: [node, server.js]
    ports: ['3000']
    x-juanie:
      health:
        path: /healthz
`

/** An HTTP server without dependencies. */
export const node = (slug: string): Record<string, string> => ({
  'package.json': json({
    name: slug,
    version: '1.0.0',
    private: true,
    type: 'module',
    scripts: { start: 'node server.js', build: 'node --check server.js', test: 'node --test' },
    engines: { node: '>=20' },
  }),
  'package-lock.json': json({
    name: slug,
    version: '1.0.0',
    lockfileVersion: 3,
    requires: true,
    packages: { '': { name: slug, version: '1.0.0', engines: { node: '>=20' } } },
  }),
  'server.js': server,
  'server.test.js': test,
  'compose.yaml': compose,
  '.gitignore': 'node_modules/\n',
  'README.md': `# ${slug}\n\n\`npm start\` serves it on port 3000, \`npm test\` tests it. A push to the default branch deploys it to dev.\n`,
})

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`
