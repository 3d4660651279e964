import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Masker } from './masker.ts'

const masked = (secrets: string[], text: string) => {
  const masker = new Masker(secrets)
  return Buffer.concat([masker.push(Buffer.from(text)), masker.flush()]).toString()
}

/** Pushes the text cut at the given places and returns what came out after each piece. */
function inPieces(secrets: string[], bytes: Buffer, cuts: number[]): { out: Buffer; pieces: string[] } {
  const masker = new Masker(secrets)
  const edges = [...new Set([0, ...cuts.filter((cut) => cut <= bytes.length), bytes.length])].sort((a, b) => a - b)
  const parts = edges.slice(1).map((end, index) => masker.push(bytes.subarray(edges[index], end)))
  parts.push(masker.flush())
  return { out: Buffer.concat(parts), pieces: parts.map(String) }
}

test('a secret is replaced and the rest is left as it is', () => {
  expect(masked(['hunter2'], 'password is hunter2, again hunter2.')).toBe('password is ***, again ***.')
})

const value = 'p@ss/w+rd "x"?ÿ'
test.each([
  ['hex', Buffer.from(value).toString('hex')],
  ['upper case hex', Buffer.from(value).toString('hex').toUpperCase()],
  ['URL encoding', encodeURIComponent(value)],
  ['form encoding', new URLSearchParams({ a: value }).toString().slice(2)],
  ['JSON', JSON.stringify(value).slice(1, -1)],
  ['JSON with escaped slashes', JSON.stringify(value).slice(1, -1).replaceAll('/', '\\/')],
  ['JSON in ASCII', 'p@ss/w+rd \\"x\\"?\\u00ff'],
  ['XML', value.replaceAll('"', '&quot;')],
])('a secret is masked as %s', (_, form) => {
  expect(masked([value], `<${form}>`)).toBe('<***>')
})

test('a secret inside longer base64 is masked at each alignment, and in the URL alphabet', () => {
  for (const secret of ['correct horse battery', '??>>~~ÿÿþþ']) {
    for (const before of ['', 'a', 'ab', 'abc']) {
      for (const after of ['', 'x', 'yy', 'zzz']) {
        for (const alphabet of ['base64', 'base64url'] as const) {
          const encoded = Buffer.from(before + secret + after).toString(alphabet)
          const result = masked([secret], encoded)
          expect(result, encoded).toContain('***')
          // At each end at most one character remains that also holds bits of the neighbour.
          const rest = result.replace('***', '')
          expect(rest.length).toBeLessThanOrEqual(Math.ceil(((before.length + after.length) * 8) / 6) + 4)
        }
      }
    }
  }
})

test('base64 that a program wrapped into lines is masked in every line', () => {
  const secret = Array.from({ length: 40 }, (_, index) => `part${index}`).join('-')
  for (const width of [64, 76]) {
    const wrapped = Buffer.from(`${secret}\n`)
      .toString('base64')
      .match(new RegExp(`.{1,${width}}`, 'g'))!
    const result = masked([secret], wrapped.join('\n'))
    expect(result.replaceAll('***', '').replaceAll('\n', '').length).toBeLessThan(8)
  }
})

test('each line of a value of several lines is masked, and a line is not held back for the next', () => {
  const key = '-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END KEY-----\n'
  expect(masked([key], `only kqhkiG9w0BAQEF here\n`)).toBe('only *** here\n')
  expect(masked([key], key)).toBe('***\n***\n***\n***\n')
  expect(masked([key], JSON.stringify(key))).toBe('"***"')
  const masker = new Masker([key])
  expect(masker.push(Buffer.from('-----BEGIN KEY-----\n')).toString()).toBe('***\n')
})

test('a value of several short lines is masked as a whole', () => {
  expect(masked(['ab\ncd\nef'], 'x ab\ncd\nef y ab')).toBe('x *** y ab')
})

test('values of fewer than four characters are listed and not masked', () => {
  const masker = new Masker(['abc', 'x', '', '  ', 'abcd', '密码']) // two characters, six bytes
  expect(masker.tooShort).toEqual(['abc', 'x', '密码'])
  expect(masker.push('abc x abcd').toString()).toBe('abc x ***')
})

test('what overlaps or touches is replaced once, and the longest secret wins', () => {
  expect(masked(['abcd', 'abcdefgh'], '<abcdefgh> <abcde>')).toBe('<***> <***e>')
  expect(masked(['abcdef', 'defghi'], '<abcdefghi>')).toBe('<***>')
  expect(masked(['secret'], '<secretsecret>')).toBe('<***>')
})

test('bytes leave at once when they cannot be the beginning of a secret', () => {
  const masker = new Masker(['sesame-open'])
  expect(masker.push('hello\n').toString()).toBe('hello\n')
  expect(masker.push('ses').toString()).toBe('')
  expect(masker.push('sion\n').toString()).toBe('session\n')
  expect(masker.push('say sesame').toString()).toBe('say ')
  expect(masker.push('-open').toString()).toBe('***')
  expect(masker.push(' ses').toString()).toBe(' ')
  expect(masker.flush().toString()).toBe('ses')
})

test('what a shorter secret covers leaves at once and is still part of a longer one', () => {
  const masker = new Masker(['abcd', 'abcdefgh'])
  expect(masker.push('abcd').toString()).toBe('***')
  masker.add('unrelated')
  expect(masker.push('efgh').toString()).toBe('')
  expect(masker.push('!').toString()).toBe('!')
})

test('a secret that is added later also masks what is still held', () => {
  const masker = new Masker(['begin-1'])
  expect(masker.push('begin-').toString()).toBe('')
  masker.add('begin-2')
  expect(masker.push('2 x').toString()).toBe('*** x')
})

test('binary output passes unchanged around the mask', () => {
  const bytes = Buffer.concat([Buffer.from([0, 255, 254, 10, 0]), Buffer.from('topsecret'), Buffer.from([200, 0])])
  const masker = new Masker(['topsecret'])
  const out = Buffer.concat([masker.push(bytes), masker.flush()])
  expect(out).toEqual(Buffer.concat([Buffer.from([0, 255, 254, 10, 0]), Buffer.from('***'), Buffer.from([200, 0])]))
})

test('one text is masked without touching the stream', () => {
  const masker = new Masker(['topsecret'])
  masker.push('tops')
  expect(masker.mask('a topsecret b')).toBe('a *** b')
  expect(masker.push('ecret').toString()).toBe('***')
})

test('however the stream is cut, the output is the same, holds no secret, and little is held back', () => {
  // A small alphabet makes secrets overlap, repeat themselves and begin inside one another.
  const secret = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 4, maxLength: 9 })
  const noise = fc.string({ unit: fc.constantFrom('a', 'b', 'c', ' ', '\n'), maxLength: 40 })
  fc.assert(
    fc.property(
      fc.array(secret, { minLength: 1, maxLength: 4 }),
      fc.array(fc.tuple(noise, fc.nat(3)), { maxLength: 6 }),
      fc.array(fc.nat(200), { maxLength: 30 }),
      (secrets, parts, cuts) => {
        const text = parts.map(([plain, index]) => plain + (secrets[index] ?? '')).join('')
        const bytes = Buffer.from(text)
        const whole = inPieces(secrets, bytes, [])
        const cut = inPieces(secrets, bytes, cuts)
        expect(cut.out).toEqual(whole.out)
        // Text on the two sides of a mask may not be joined: the mask stays between them.
        for (const each of secrets) expect(whole.out.toString()).not.toContain(each)
      },
    ),
    { numRuns: 1000 },
  )
})

test('every byte that no secret covers comes out, in order', () => {
  const secret = 'hush-hush'
  fc.assert(
    fc.property(fc.array(fc.constantFrom('zq', '0000', '\n', secret, 'hush-', 'hus'), { maxLength: 30 }), (words) => {
      const text = words.join('')
      const covered = Array.from(text, () => false)
      for (let at = text.indexOf(secret); at >= 0; at = text.indexOf(secret, at + 1))
        covered.fill(true, at, at + secret.length)
      const expected = Array.from(text, (char, index) => {
        if (!covered[index]) return char
        return covered[index - 1] ? '' : '***'
      })
      expect(masked([secret], text)).toBe(expected.join(''))
    }),
  )
})

test('two hundred secrets are looked for at 50 MB a second or more', () => {
  const secrets = Array.from({ length: 200 }, (_, index) =>
    createHash('sha256').update(`secret ${index}`).digest('base64'),
  )
  const masker = new Masker(secrets)
  const line = '2026-11-21T10:00:00Z [build] compiling src/components/Table.vue (1234 modules) in 321ms, hash 8f3a9b\n'
  const chunk = Buffer.from(line.repeat(640))
  masker.push(chunk)
  const rates = Array.from({ length: 5 }, () => {
    const start = performance.now()
    for (let index = 0; index < 64; index++) masker.push(chunk)
    return (chunk.length * 64) / 1000 / (performance.now() - start)
  })
  // The best of five: the machine may be busy with other tests. In MB/s.
  expect(Math.max(...rates)).toBeGreaterThan(50)
})
