import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { expect, test } from 'vitest'
import { portHolder, portRefusal, tryListen } from './port-holder.ts'

test('a taken port is refused with its variable, its number and who has it', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  try {
    const error = await tryListen('127.0.0.1', port)
    if (error === 'free') throw new Error('the port was free')
    expect((await portRefusal('EDGE_PORT', port, error)).message).toMatch(
      new RegExp(`^EDGE_PORT: port ${port} is taken by process ${process.pid} \\(.*node.*\\)\\. Example: EDGE_PORT=`),
    )
  } finally {
    server.close()
    await once(server, 'close')
  }
  expect(await tryListen('127.0.0.1', port)).toBe('free')
  expect(await portHolder(port)).toBeNull()
})

test('an address that this machine does not have is refused by its variable', async () => {
  const error = await tryListen('192.0.2.1', 3000)
  if (error === 'free') throw new Error('the address exists')
  expect((await portRefusal('PORT', 3000, error)).message).toBe(
    'HOST: nothing can listen there (EADDRNOTAVAIL). Example: HOST=127.0.0.1',
  )
})
