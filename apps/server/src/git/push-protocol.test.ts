import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { flush, PacketReader, ProtocolError, pktLine } from './pkt-line.ts'
import { PushAnswer, type PushReport, refusedPush } from './push-report.ts'
import { PushRequestReader } from './push-request.ts'

const zero = '0'.repeat(40)
const one = '1'.repeat(40)
const request = Buffer.concat([
  pktLine(`${zero} ${one} refs/heads/main\0 report-status-v2 side-band-64k agent=git/2`),
  pktLine(`${one} ${zero} refs/heads/old`),
  flush,
  Buffer.from('PACK…'),
])

test.each([1, 3, 7, 1000])('the refs of a push are read from pieces of %i bytes', (size) => {
  const reader = new PushRequestReader()
  for (let at = 0; at < request.length; at += size) {
    const found = reader.push(request.subarray(at, at + size))
    if (!found) continue
    expect(found.updates).toEqual([
      { before: zero, after: one, ref: 'refs/heads/main' },
      { before: one, after: zero, ref: 'refs/heads/old' },
    ])
    expect(found.capabilities).toContain('side-band-64k')
    return
  }
  throw new Error('the request was never complete')
})

test('the probe that git sends before a large push asks for nothing', () => {
  expect(new PushRequestReader().push(flush)?.updates).toEqual([])
})

test.each([
  ['no packet', Buffer.from('GET / HTTP/1.1')],
  ['no command', pktLine('push it')],
  ['an id that is none', pktLine(`${'x'.repeat(40)} ${one} refs/heads/main`)],
])('%s is refused', (_name, bytes) => {
  expect(() => new PushRequestReader().push(bytes)).toThrow(ProtocolError)
})

test('a push of too many refs is refused', () => {
  const lines = Array.from({ length: 1001 }, (_, index) => pktLine(`${zero} ${one} refs/heads/b${index}`))
  expect(() => new PushRequestReader().push(Buffer.concat(lines))).toThrow('1000 refs')
})

/** What receive-pack says, cut into pieces of `size` bytes; answers what the client reads. */
async function converse(said: Buffer, size: number, words: string[], isSideband = true) {
  const reports: PushReport[] = []
  const answer = new PushAnswer({
    isSideband,
    reported: async (report) => {
      reports.push({ ...report, ok: new Set(report.ok) })
      return words
    },
  })
  const pieces = Array.from({ length: Math.ceil(said.length / size) }, (_, index) =>
    said.subarray(index * size, (index + 1) * size),
  )
  const chunks: Buffer[] = []
  for await (const chunk of Readable.from(pieces).pipe(answer)) chunks.push(chunk as Buffer)
  return { reports, heard: Buffer.concat(chunks), answer }
}

const report = Buffer.concat([
  pktLine('unpack ok\n'),
  pktLine('ok refs/heads/main\n'),
  pktLine('ng refs/heads/old deletion prohibited\n'),
  flush,
])
const band = (number: number, content: Buffer | string) =>
  pktLine(Buffer.concat([Buffer.from([number]), Buffer.from(content)]))

test.each([1, 5, 4096])('the report is read from pieces of %i bytes, and words come before the end', async (size) => {
  const said = Buffer.concat([
    band(2, 'progress'),
    band(1, report.subarray(0, 20)),
    band(1, report.subarray(20)),
    flush,
  ])
  const { reports, heard } = await converse(said, size, ['hello'])
  expect(reports).toEqual([{ unpack: 'ok', ok: new Set(['refs/heads/main']), isTooLarge: false }])
  const reader = new PacketReader()
  reader.push(heard)
  const packets = []
  for (let packet = reader.next(); packet; packet = reader.next()) {
    packets.push(packet.kind === 'data' ? packet.content.toString('latin1') : packet.kind)
  }
  expect(packets.slice(-2)).toEqual(['\u0002hello\n', 'flush'])
  expect(packets[0]).toBe('\u0002progress')
})

test('without a sideband the answer passes unchanged', async () => {
  const { reports, heard } = await converse(report, 3, ['hello'], false)
  expect(reports[0]!.ok).toEqual(new Set(['refs/heads/main']))
  expect(heard.equals(report)).toBe(true)
})

test('a pack over the limit is known by what git says of it', async () => {
  const said = Buffer.concat([
    band(2, 'fatal: pack exceeds maximum allowed size (1.00 KiB)'),
    band(1, Buffer.concat([pktLine('unpack index-pack abnormal exit\n'), flush])),
    flush,
  ])
  expect((await converse(said, 4096, [])).reports).toMatchObject([
    { isTooLarge: true, unpack: 'index-pack abnormal exit' },
  ])
})

test('an end without a report is an end without a report', async () => {
  const { answer, heard } = await converse(band(3, 'out of memory'), 4096, [])
  expect(answer.hasReport).toBe(false)
  expect(heard.subarray(-4)).toEqual(flush)
})

test('a refused push names every ref with its reason', async () => {
  const faults = [{ ref: 'refs/juanie/x', why: 'it is kept' }]
  expect(refusedPush(new Set(), faults).toString()).toContain('ng refs/juanie/x it is kept')
  const { reports } = await converse(refusedPush(new Set(['side-band-64k']), faults), 4096, [])
  expect(reports).toMatchObject([{ unpack: 'ok', ok: new Set() }])
})
