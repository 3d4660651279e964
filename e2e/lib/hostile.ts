import { appRouter } from '../../apps/server/src/router.ts'

/** Values that no field expects, or that something behind the field may choke on. */
const hostileValues: unknown[] = [
  null,
  true,
  -1,
  0,
  0.5,
  2 ** 31,
  Number.MAX_SAFE_INTEGER,
  1e308,
  '',
  ' ',
  '\0',
  '99999999999',
  'a\0b',
  'half a pair \ud83d',
  '\u202egnp.exe',
  '--upload-pack=touch /tmp/pwned',
  '$(id)`id`;id|id&&id',
  "' or 1=1; drop table projects --",
  '../../../../etc/passwd',
  '%00%2e%2e%2f',
  'x'.repeat(100_000),
  '01a1fed4-0000-7000-8000-000000000000',
  [],
  ['a'],
  {},
  JSON.parse('{"__proto__": {"isAdmin": true}, "constructor": {"prototype": 1}}'),
  nested(500),
]

function nested(depth: number): unknown {
  let value: unknown = 'x'
  for (let i = 0; i < depth; i++) value = [value]
  return value
}

interface Schema {
  _zod: { def: { type: string; shape?: Record<string, Schema>; innerType?: Schema; options?: Schema[] } }
}

interface Procedure {
  path: string
  type: 'query' | 'mutation'
  inputs: Schema[]
}

/** Every procedure that the server has, with what it takes. */
export function procedures(): Procedure[] {
  const router = appRouter((() => ({})) as never)
  const found = router._def.procedures as unknown as Record<
    string,
    { _def: { type: Procedure['type']; inputs: Schema[] } }
  >
  return Object.entries(found).map(([path, { _def }]) => ({ path, type: _def.type, inputs: _def.inputs }))
}

/** One input for each place of what a procedure takes and each hostile value in it; all other places are as `good`. */
export function* hostileInputs(inputs: Schema[], good: (field: string) => unknown): Generator<unknown> {
  const base: Record<string, unknown> = {}
  const fields = new Map<string, Schema>()
  for (const input of inputs.flatMap(alternatives)) {
    for (const [field, schema] of Object.entries(input._zod.def.shape ?? {})) {
      fields.set(field, schema)
      const value = good(field)
      if (value !== undefined) base[field] = value
    }
  }
  for (const value of hostileValues) yield value
  for (const [field, schema] of fields) {
    for (const value of hostileFor(schema)) yield { ...base, [field]: value }
  }
}

function* hostileFor(schema: Schema): Generator<unknown> {
  yield* hostileValues
  for (const inner of alternatives(schema)) {
    const { type, shape } = inner._zod.def
    if (type === 'record') for (const value of hostileValues) yield { 'a\0b': value, '../c': value }
    if (type === 'array') for (const value of hostileValues) yield [value]
    for (const [field, part] of Object.entries(shape ?? {})) {
      for (const value of hostileFor(part)) yield { [field]: value }
    }
  }
}

/** The schema without what makes it optional, and the members of a union. */
function alternatives(schema: Schema): Schema[] {
  const { innerType, options } = schema._zod.def
  if (innerType) return alternatives(innerType)
  return options ? options.flatMap(alternatives) : [schema]
}

const json = { 'content-type': 'application/json' }

/** Bodies that are not what their headers say, or not what anybody expects. */
export const hostileBodies: [Record<string, string>, string | Uint8Array<ArrayBuffer>][] = [
  [json, '{"a": '],
  [json, 'hello'],
  [json, ''],
  [json, 'null'],
  [json, JSON.stringify({ a: 'x'.repeat(3_000_000) })],
  [{ 'content-type': 'application/xml' }, '<a/>'],
  [{ 'content-type': 'application/json; charset=nonsense' }, '{}'],
  [{ 'content-type': 'application/x-www-form-urlencoded' }, 'email=%00&%ff=%&password='],
  [{ 'content-type': 'multipart/form-data; boundary=x' }, '--x\r\nnonsense'],
  [{ 'content-type': 'application/octet-stream' }, new Uint8Array([0, 255, 0, 254])],
  [{ 'content-encoding': 'gzip', ...json }, 'not zipped'],
]

/** Parts of an address that are no name, number or id of anything. */
export const hostileSegments = [
  '%00',
  '%ff',
  '..%2f..%2fetc%2fpasswd',
  '-1',
  '99999999999',
  '1e9',
  'x'.repeat(2_000),
  '%F0%9F%98%80',
  "'",
  '01a1fed4-0000-7000-8000-000000000000',
]
