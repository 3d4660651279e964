import { data } from '@actions/expressions'

/** A value while an expression is evaluated. */
export type Data = Parameters<InstanceType<typeof data.Array>['add']>[0]

const { Kind } = data

/**
 * Views over plain JSON that convert only what an expression touches: an event's payload is large, and most
 * expressions read one field of it. One Conversion serves one evaluation, so objects keep their identity in it
 * (the language compares objects by reference).
 */
export class Conversion {
  readonly #seen = new WeakMap<object, Data>()

  toData(value: unknown, caseSensitive = false): Data {
    if (value === null || value === undefined) return new data.Null()
    if (typeof value === 'string') return new data.StringData(value)
    if (typeof value === 'number') return new data.NumberData(value)
    if (typeof value === 'boolean') return new data.BooleanData(value)
    if (typeof value !== 'object') return new data.StringData(String(value))
    const known = this.#seen.get(value)
    if (known) return known
    const made = Array.isArray(value)
      ? this.#list(value)
      : new View(value as Record<string, unknown>, this, caseSensitive)
    this.#seen.set(value, made)
    return made
  }

  #list(values: unknown[]): Data {
    const list = new data.Array()
    for (const value of values) list.add(this.toData(value))
    return list
  }
}

/** Keys are looked up without regard to case, except in `env`: environment variables differ by case on Linux. */
class View extends data.Dictionary {
  readonly #source: Record<string, unknown>
  readonly #conversion: Conversion
  readonly #caseSensitive: boolean

  constructor(source: Record<string, unknown>, conversion: Conversion, caseSensitive: boolean) {
    super()
    this.#source = source
    this.#conversion = conversion
    this.#caseSensitive = caseSensitive
  }

  override get(key: string): Data | undefined {
    if (Object.hasOwn(this.#source, key)) return this.#conversion.toData(this.#source[key])
    if (this.#caseSensitive) return undefined
    const wanted = key.toLowerCase()
    for (const name of Object.keys(this.#source)) {
      if (name.toLowerCase() === wanted) return this.#conversion.toData(this.#source[name])
    }
    return undefined
  }

  override values(): Data[] {
    return Object.values(this.#source).map((value) => this.#conversion.toData(value))
  }

  override pairs(): { key: string; value: Data }[] {
    return Object.entries(this.#source).map(([key, value]) => ({ key, value: this.#conversion.toData(value) }))
  }

  plain(): Record<string, unknown> {
    return this.#source
  }
}

/** Back to plain JSON. */
export function toPlain(value: Data): unknown {
  if (value instanceof View) return value.plain()
  if (value instanceof data.Null) return null
  if (value instanceof data.Array) return value.values().map(toPlain)
  if (value instanceof data.Dictionary) {
    return Object.fromEntries(value.pairs().map((pair) => [pair.key, toPlain(pair.value)]))
  }
  return (value as InstanceType<typeof data.StringData>).value
}

/** What a value becomes where text is wanted: `null` is nothing, a list or object only names its kind. */
export function toText(value: Data): string {
  if (value instanceof data.NumberData) return numberText(value.value)
  return value.coerceString()
}

export function isTruthy(value: Data): boolean {
  if (value instanceof data.Null) return false
  if (value instanceof data.BooleanData) return value.value
  if (value instanceof data.NumberData) return value.value !== 0 && !Number.isNaN(value.value)
  if (value instanceof data.StringData) return value.value !== ''
  return true
}

export const isPrimitive = (value: Data) => value.kind !== Kind.Array && value.kind !== Kind.Dictionary

/**
 * Numbers are printed with at most 15 significant digits and, from 1e15 on and below 1e-4, as `1E+20`: the runner is a .NET
 * program and prints doubles with the format "G15".
 */
export function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity'
  if (value === 0) return '0'
  const [mantissa = '', exponentText = '0'] = value.toExponential(14).split('e')
  const exponent = Number(exponentText)
  if (exponent >= 15 || exponent <= -5) {
    const digits = mantissa.includes('.') ? mantissa.replace(/\.?0+$/, '') : mantissa
    return `${digits}E${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
  }
  const fixed = value.toFixed(Math.max(0, 14 - exponent))
  return fixed.includes('.') ? fixed.replace(/\.?0+$/, '') : fixed
}
