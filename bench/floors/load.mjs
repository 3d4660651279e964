// A plain HTTP client that keeps its connections: sends requests as fast as they are answered, and counts.
// Told: `{ port, hostname, connections, answers }`, the bodies that may be answered; `{ type: 'go', requests }` begins.
import net from 'node:net'
import { hear, say, told } from './line.mjs'

const request = `GET / HTTP/1.1\r\nHost: ${told.hostname}\r\n\r\n`

function go(requests) {
  let sent = 0
  let answered = 0
  const failures = []
  const bodies = {}
  const over = () => {
    if (answered + failures.length === requests)
      say({ type: 'over', answered, failures: failures.slice(0, 5), failed: failures.length, bodies })
  }
  const connect = () => {
    const socket = net.connect(told.port, '127.0.0.1')
    socket.setNoDelay(true)
    let text = ''
    let isWaiting = false
    const next = () => {
      text = ''
      if (sent === requests) return socket.end()
      sent++
      isWaiting = true
      socket.write(request)
    }
    const lose = (why) => {
      if (!isWaiting) return
      isWaiting = false
      failures.push(why)
      over()
      if (sent < requests) connect()
    }
    socket.setTimeout(10_000, () => socket.destroy(new Error('no answer in 10 s')))
    socket.on('connect', next)
    socket.on('error', (error) => lose(error.message))
    socket.on('close', () => lose('the connection was closed'))
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      const head = text.indexOf('\r\n\r\n')
      if (head < 0) return
      const length = /^content-length: (\d+)/im.exec(text)
      const body = text.slice(head + 4)
      const isWhole = length ? body.length >= Number(length[1]) : body.endsWith('0\r\n\r\n')
      if (!isWhole) return
      isWaiting = false
      const answer = told.answers.find((one) => body.includes(one))
      if (text.startsWith('HTTP/1.1 200') && answer !== undefined) {
        answered++
        bodies[answer] = (bodies[answer] ?? 0) + 1
      } else failures.push(text.slice(0, 200))
      over()
      next()
    })
  }
  for (let i = 0; i < told.connections; i++) connect()
}

hear(({ requests }) => go(requests))
say({ type: 'ready' })
