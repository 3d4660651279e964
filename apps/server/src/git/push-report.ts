import { Transform, type TransformCallback } from 'node:stream'
import { flush, PacketReader, pktLine } from './pkt-line.ts'

/** What receive-pack reports: https://git-scm.com/docs/pack-protocol#_report_status */
export interface PushReport {
  /** `ok`, or why the pack was refused as a whole. */
  unpack: string
  /** Refs that have moved. */
  ok: Set<string>
  isTooLarge: boolean
}

const maxLine = 900

/**
 * Passes on what receive-pack answers and reads its report on the way. receive-pack writes the report right after it
 * has moved the refs, so this is the earliest moment at which a push is known, without any hook. The end of the
 * answer is held back until `words` has come: they are what the pusher reads as `remote:` lines.
 */
export class PushAnswer extends Transform {
  readonly #isSideband: boolean
  readonly #reported: (report: PushReport) => Promise<string[]>
  readonly #outer = new PacketReader()
  readonly #inner = new PacketReader()
  readonly #report: PushReport = { unpack: '', ok: new Set(), isTooLarge: false }
  #words: Promise<string[]> | null = null

  constructor(parts: { isSideband: boolean; reported: (report: PushReport) => Promise<string[]> }) {
    super()
    this.#isSideband = parts.isSideband
    this.#reported = parts.reported
  }

  /** Whether receive-pack got so far as to report. */
  get hasReport(): boolean {
    return this.#words !== null
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    try {
      if (!this.#isSideband) {
        this.#read(chunk)
        done(null, chunk)
        return
      }
      this.#outer.push(chunk)
      for (let packet = this.#outer.next(); packet; packet = this.#outer.next()) {
        // The flush that ends everything is written at the very end.
        if (packet.kind !== 'data') continue
        if (packet.content[0] === 1) this.#read(packet.content.subarray(1))
        // The only sign of it: git names no reason in the report.
        else if (packet.content.includes('exceeds maximum allowed size')) this.#report.isTooLarge = true
        this.push(pktLine(packet.content))
      }
      done()
    } catch (error) {
      done(error as Error)
    }
  }

  override _flush(done: TransformCallback): void {
    void (async () => {
      const words = this.#words ? await this.#words : []
      if (this.#isSideband) {
        for (const line of words) this.push(pktLine(Buffer.from(`\u0002${line.slice(0, maxLine)}\n`)))
        this.push(flush)
      }
      done()
    })().catch((error) => done(error as Error))
  }

  #read(bytes: Buffer): void {
    if (this.#words) return
    this.#inner.push(bytes)
    for (let packet = this.#inner.next(); packet; packet = this.#inner.next()) {
      if (packet.kind === 'data') this.#line(packet.content.toString('utf8').replace(/\n$/, ''))
      else if (packet.kind === 'flush') {
        this.#words = this.#reported(this.#report)
        // It is waited for at the end; a failure before that must not end the process.
        this.#words.catch(() => {})
        return
      }
    }
  }

  #line(line: string): void {
    if (line.startsWith('unpack ')) this.#report.unpack = line.slice('unpack '.length)
    else if (line.startsWith('ok ')) this.#report.ok.add(line.slice('ok '.length))
  }
}

/** The answer to a push that git never gets to see: every ref refused, with one reason for each. */
export function refusedPush(capabilities: Set<string>, faults: { ref: string; why: string }[]): Buffer {
  const report = Buffer.concat([
    pktLine('unpack ok\n'),
    ...faults.map(({ ref, why }) => pktLine(`ng ${ref} ${why.slice(0, maxLine)}\n`)),
    flush,
  ])
  if (!capabilities.has('side-band-64k') && !capabilities.has('side-band')) return report
  // A packet of the smaller sideband holds 1,000 bytes.
  const parts: Buffer[] = []
  for (let at = 0; at < report.length; at += 990) {
    parts.push(pktLine(Buffer.concat([Buffer.from([1]), report.subarray(at, at + 990)])))
  }
  return Buffer.concat([...parts, flush])
}
