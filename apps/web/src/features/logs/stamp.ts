const two = (value: number): string => String(value).padStart(2, '0')

/** Time of day of the reader, to the millisecond: `14:03:22.123`. Always as wide, so that lines stand below each other. */
export function formatStamp(ms: number): string {
  const at = new Date(ms)
  const millis = String(at.getMilliseconds()).padStart(3, '0')
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${millis}`
}
