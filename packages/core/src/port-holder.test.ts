import net from 'node:net'
import { expect, test } from 'vitest'
import { PortTaken, portHolder } from './port-holder.ts'

test('the holder of a port is found, and nobody for a free one', async () => {
  const server = net.createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as net.AddressInfo
  const holder = await portHolder(port)
  expect(holder?.pid).toBe(process.pid)
  expect(holder?.command).toContain('node')
  expect(new PortTaken('EDGE_PORT', port, holder).message).toBe(
    `EDGE_PORT: port ${port} is taken by process ${process.pid} (${holder?.command}). Example: EDGE_PORT=${port + 1}`,
  )
  await new Promise((resolve) => server.close(resolve))
  expect(await portHolder(port)).toBeNull()
})
