import type { Command, Health, TimeSettings } from '../contract.ts'
import { splitWords } from '../words.ts'
import type { Healthcheck } from './service.ts'
import { onlySet, type StatusRange, type XHealth } from './x-juanie.ts'

/** What counts as good where a path is named and no status. */
const success: StatusRange[] = [{ from: 200, to: 399 }]
const anyAnswer: StatusRange[] = [{ from: 100, to: 599 }]

/**
 * How a service is probed. `x-juanie.health` wins; a test that only fetches an address of this service becomes an HTTP
 * probe, which then follows the port the instance was given; any other test runs as it is. A check that is switched
 * off leaves the default probe, because a deployment succeeds only with evidence. Null: there is nothing to probe.
 */
export function healthOf(check: Healthcheck | undefined, x: XHealth | undefined, port: number | null): Health | null {
  const compose: TimeSettings = onlySet({
    intervalMs: check?.intervalMs,
    timeoutMs: check?.timeoutMs,
    retries: check?.retries,
    startPeriodMs: check?.startPeriodMs,
    startIntervalMs: check?.startIntervalMs,
  })
  const times = { xJuanie: x?.times ?? {}, compose }
  if (x?.path !== undefined) return { kind: 'http', path: x.path, status: x.status ?? success, times }
  const command = check === undefined || check.isDisabled ? null : commandOf(check.test)
  const fetched = command === null || port === null ? null : httpProbe(command, port)
  if (fetched !== null) return { kind: 'http', path: fetched.path, status: x?.status ?? fetched.status, times }
  if (x?.status !== undefined && port !== null) return { kind: 'http', path: '/', status: x.status, times }
  if (command !== null) return { kind: 'command', command, times }
  return port === null ? null : { kind: 'default', times }
}

function commandOf(test: string[] | undefined): Command | null {
  const [kind, ...words] = test ?? []
  if (kind === 'CMD-SHELL') return { kind: 'shell', line: words.join(' ') }
  return kind === 'CMD' && words.length > 0 ? { kind: 'exec', argv: words } : null
}

interface Fetch {
  path: string
  status: StatusRange[]
}

/** The probe that a curl or wget command on this service's declared port amounts to; null when it does more. */
function httpProbe(command: Command, port: number): Fetch | null {
  let argv: readonly string[] = []
  if (command.kind === 'exec') argv = unwrapped(command.argv)
  else if (command.kind === 'shell') argv = shellWords(command.line) ?? []
  const [program, ...rest] = argv
  const name = program?.split('/').at(-1)
  if (name === 'curl') return curl(rest, port)
  return name === 'wget' ? wget(rest, port) : null
}

/** `sh -c LINE` written as a list. */
function unwrapped(argv: readonly string[]): readonly string[] {
  const [shell, flag, line, ...more] = argv
  const isShell =
    /^(\/(usr\/)?bin\/)?(ba|da|a)?sh$/.test(shell ?? '') && flag === '-c' && line !== undefined && more.length === 0
  return isShell ? (shellWords(line) ?? []) : argv
}

/** The words of a line that does one thing; `|| exit 1` and the like after it change nothing. */
function shellWords(line: string): readonly string[] | null {
  const plain = line
    .trim()
    .replace(/\s*\|\|\s*(exit\s+[1-9]\d*|false)\s*;?$/, '')
    .replace(/(\s+(>|1>|2>|&>)\s*\/dev\/null|\s+2>&1)+$/, '')
  const words = splitWords(plain)
  return words === null || words.cutAt !== null ? null : words.argv
}

/** Flags of each program that do not change whether it succeeds; `value` ones take the next word. */
const curlFlags =
  /^-([sSfgkiLIv]+|-silent|-show-error|-fail|-fail-with-body|-insecure|-location|-head|-include|-verbose|-no-progress-meter|-compressed|-ipv4|-ipv6|[46])$/
const curlValues = /^(-[a-zA-Z]*[om]|--output|--max-time|--connect-timeout|--retry|--retry-delay)$/
const wgetFlags =
  /^(-q|-nv|-S|--quiet|--no-verbose|--spider|--server-response|--no-check-certificate|-4|-6|-O-|-qO-|-q0-|-O\/dev\/null|-qO\/dev\/null|-T\d+|-t\d+|--(tries|timeout|output-document)=.*)$/
const wgetValues = /^(-O|-qO|-T|-t|--tries|--timeout|--output-document)$/

function curl(words: readonly string[], port: number): Fetch | null {
  const read = takeAddress(words, curlFlags, curlValues)
  if (read === null) return null
  const path = pathOf(read.address, port)
  const isStrict = read.flags.some((flag) => /^-[a-zA-Z]*f[a-zA-Z]*$/.test(flag) || flag.startsWith('--fail'))
  return path === null ? null : { path, status: isStrict ? success : anyAnswer }
}

function wget(words: readonly string[], port: number): Fetch | null {
  const read = takeAddress(words, wgetFlags, wgetValues)
  const path = read === null ? null : pathOf(read.address, port)
  return path === null ? null : { path, status: success }
}

function takeAddress(
  words: readonly string[],
  flag: RegExp,
  value: RegExp,
): { address: string; flags: string[] } | null {
  const flags: string[] = []
  let address: string | null = null
  for (let index = 0; index < words.length; index++) {
    const word = words[index] as string
    if (!word.startsWith('-')) {
      if (address !== null) return null
      address = word
      continue
    }
    if (value.test(word)) index += 1
    else if (!flag.test(word)) return null
    flags.push(word)
  }
  return address === null ? null : { address, flags }
}

/** The path of an address of this service: this machine, and its declared port or the variable PORT. */
function pathOf(address: string, port: number): string | null {
  const found =
    /^(?:http:\/\/)?(localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\])(?::(\d+|\$PORT|\$\{PORT(?::?-\d+)?\}))?((?:\/|\?)[^\s#]*)?$/i.exec(
      address,
    )
  if (found === null) return null
  const [, , written = '80', path = '/'] = found
  if (!written.startsWith('$') && Number(written) !== port) return null
  // What a shell would still fill in cannot be known here.
  if (/[$`]/.test(path)) return null
  return path.startsWith('/') ? path : `/${path}`
}
