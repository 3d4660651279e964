import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { releaseFolder } from './bundle-upload.ts'
import { connect } from './client.ts'

test('what is not Juanie is told apart from it', async () => {
  const server = createServer((_request, response) => response.writeHead(404).end('No such application.'))
  onTestFinished(() => void server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const asked = connect({ url, token: null }).auth.whoami.query()
  await expect(asked).rejects.toThrow(`What answers at ${url} is not Juanie: it said 404 and no JSON.`)
})

test('an empty name of a folder is not the current folder', async () => {
  await expect(releaseFolder('any', '')).rejects.toThrow('--from: name a folder')
})
