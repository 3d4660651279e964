import { join } from 'node:path'
import { expect, test } from 'vitest'
import { cloneRoot, configVariables, loadConfig } from './config.ts'

const complaintOf = (env: Record<string, string>) => {
  try {
    loadConfig(env)
  } catch (error) {
    return (error as Error).message
  }
  throw new Error('The configuration was accepted.')
}

test('an empty environment is a complete embedded installation on this machine alone', () => {
  const config = loadConfig({})
  expect(config).toMatchObject({
    port: 3000,
    host: '127.0.0.1',
    edgePort: 8080,
    edgeHost: '127.0.0.1',
    url: 'http://127.0.0.1:3000',
    organization: 'main',
    baseDomain: 'localhost',
    databaseUrl: null,
    masterKey: null,
    trustProxy: false,
    home: join(cloneRoot(), '.data'),
    defaults: { soakMs: 30_000, drainMs: 30_000, startLimitMs: 60_000, probeTimeoutMs: 5_000, probes: 3 },
  })
  expect(config.agentJobs).toBeGreaterThanOrEqual(2)
})

test('a relative home starts at the clone, wherever the program was called', () => {
  expect(loadConfig({ JUANIE_HOME: 'other', JUANIE_ROOT: '/opt/juanie' }).home).toBe('/opt/juanie/other')
  expect(loadConfig({ JUANIE_HOME: '/srv/x/../y', JUANIE_ROOT: '/opt/juanie' }).home).toBe('/srv/y')
  expect(loadConfig({ JUANIE_ROOT: '/opt/juanie' }).home).toBe('/opt/juanie/.data')
})

test('an empty or blank variable counts as unset', () => {
  expect(loadConfig({ PORT: '', HOST: '  ' })).toMatchObject({ port: 3000, host: '127.0.0.1' })
})

test('the address and the edge follow PORT and HOST unless they are given', () => {
  expect(loadConfig({ PORT: '4000', HOST: '0.0.0.0' })).toMatchObject({
    url: 'http://127.0.0.1:4000',
    edgeHost: '0.0.0.0',
    isUrlGiven: false,
  })
  expect(loadConfig({ JUANIE_URL: 'https://juanie.example.com/', EDGE_HOST: '::1' })).toMatchObject({
    url: 'https://juanie.example.com',
    edgeHost: '::1',
    isUrlGiven: true,
  })
})

test.each([
  [{ PORT: '80000' }, 'PORT: must be a whole number from 0 to 65535, not "80000". Example: PORT=3000'],
  [{ PORT: '3e3' }, 'PORT: must be a whole number'],
  [{ HOST: 'example.com' }, 'HOST: must be an IP address of this machine, or localhost, not "example.com"'],
  [{ JUANIE_URL: 'juanie.example.com' }, 'JUANIE_URL: must be an address that starts with http:// or https://'],
  [{ JUANIE_URL: 'http://example.com/juanie' }, 'JUANIE_URL: must be scheme, host and port alone'],
  [{ JUANIE_TRUST_PROXY: 'yes' }, 'JUANIE_TRUST_PROXY: must be true, false, a number of hops'],
  [{ JUANIE_ALLOW_PRIVATE_ADDRESSES: '10.0.0.0/8,oops' }, '"oops" is neither'],
  [
    { JUANIE_LOG_LEVEL: 'loud' },
    'JUANIE_LOG_LEVEL: must be one of trace, debug, info, warn, error, silent, not "loud"',
  ],
  [{ JUANIE_DEFAULT_SOAK: '30' }, 'JUANIE_DEFAULT_SOAK: must be a number with ms, s, m or h, at most 24h, not "30"'],
  [{ JUANIE_ORGANIZATION: 'My Org' }, 'JUANIE_ORGANIZATION: must be 1 to 39 lower-case letters'],
  [{ JUANIE_ADMIN_EMAIL: 'ada@example.com' }, 'JUANIE_ADMIN_PASSWORD: is missing, and JUANIE_ADMIN_EMAIL needs it'],
  [{ DATABASE_URL: 'postgres://db/juanie' }, 'JUANIE_MASTER_KEY: is missing, and an external database needs it'],
  [{ EDGE_PORT: '3000' }, 'EDGE_PORT: is 3000, which PORT has too'],
])('%o is refused by name, with an example', (env, message) => {
  expect(complaintOf(env)).toContain(message)
  expect(complaintOf(env)).toContain('Example: ')
})

test('every wrong variable is named at once, and a secret is never repeated', () => {
  const message = complaintOf({ PORT: 'x', JUANIE_MASTER_KEY: 'hunter2hunter2', DATABASE_URL: 'mysql://u:hunter2@h/d' })
  expect(message.split('\n')).toHaveLength(3)
  expect(message).not.toContain('hunter2')
})

test('a master key is 32 bytes in base64, base64url or hex', () => {
  const bytes = Buffer.alloc(32, 0xfb)
  for (const text of [bytes.toString('base64'), bytes.toString('base64url'), bytes.toString('hex')]) {
    expect(loadConfig({ JUANIE_MASTER_KEY: text }).masterKey).toEqual(bytes)
  }
  expect(complaintOf({ JUANIE_MASTER_KEY: Buffer.alloc(31).toString('base64') })).toContain('must be 32 bytes')
})

test('a trusted proxy is a yes, a number of hops or networks', () => {
  expect(loadConfig({ JUANIE_TRUST_PROXY: 'true' }).trustProxy).toBe(true)
  expect(loadConfig({ JUANIE_TRUST_PROXY: '2' }).trustProxy).toBe(2)
  expect(loadConfig({ JUANIE_TRUST_PROXY: '10.0.0.0/8, ::1' }).trustProxy).toEqual(['10.0.0.0/8', '::1'])
})

test('every variable says what it means and what happens without it', () => {
  for (const { name, meaning, default: fallback } of configVariables) {
    expect(`${name}: ${meaning} (${fallback})`).toMatch(/^[A-Z_0-9]+: .+\. \(.+\)$/)
  }
})
