import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'

/** Tells a step from outside whether to stay or to go on: a sandbox shares no folder with the test, but the network. */
export class Gate implements AsyncDisposable {
  /** Whether whoever asks may go on. */
  isOpen = false
  readonly #server = createServer((socket) => {
    socket.on('error', () => {})
    socket.end(this.isOpen ? 'go\n' : 'stay\n')
  })

  static async listen(): Promise<Gate> {
    const gate = new Gate()
    gate.#server.listen(0, '127.0.0.1')
    await once(gate.#server, 'listening')
    return gate
  }

  /** Bash: a condition that holds while the gate is closed. */
  get isClosed(): string {
    const { port } = this.#server.address() as AddressInfo
    return `[ "$(cat < /dev/tcp/127.0.0.1/${port})" = stay ]`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
    await once(this.#server, 'close')
  }
}
