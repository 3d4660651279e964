import { PacketReader, ProtocolError } from './pkt-line.ts'

export interface PushRequest {
  updates: { ref: string; before: string; after: string }[]
  capabilities: Set<string>
}

const maxHeadBytes = 1024 * 1024
const maxRefs = 1000

/**
 * Reads the commands at the head of a push: https://git-scm.com/docs/pack-protocol#_reference_update_request_and_packfile_transfer.
 * Everything that was pushed in is given on to git as it came.
 */
export class PushRequestReader {
  readonly #packets = new PacketReader()
  readonly #request: PushRequest = { updates: [], capabilities: new Set() }
  #bytes = 0

  /** The request when its commands are complete; null when more bytes are needed. */
  push(chunk: Buffer): PushRequest | null {
    this.#bytes += chunk.length
    this.#packets.push(chunk)
    for (let packet = this.#packets.next(); packet; packet = this.#packets.next()) {
      if (packet.kind === 'flush') return this.#request
      if (packet.kind === 'data') this.#command(packet.content.toString('utf8'))
    }
    if (this.#packets.rest.length > maxHeadBytes || this.#bytes > 4 * maxHeadBytes) {
      throw new ProtocolError('The list of refs in this push is too long.')
    }
    return null
  }

  #command(line: string): void {
    const [command = '', capabilities = ''] = line.replace(/\n$/, '').split('\0')
    for (const each of capabilities.split(' ').filter(Boolean)) this.#request.capabilities.add(each)
    if (command.startsWith('shallow ') || command === '') return
    const found = /^([0-9a-f]{40}) ([0-9a-f]{40}) (.+)$/.exec(command)
    if (!found) throw new ProtocolError('A line of this push cannot be understood; signed pushes are not supported.')
    const [, before = '', after = '', ref = ''] = found
    if (this.#request.updates.length >= maxRefs) {
      throw new ProtocolError(`A push may move ${maxRefs} refs at once; push them in parts.`)
    }
    this.#request.updates.push({ ref, before, after })
  }
}
