import { expect, test } from 'vitest'
import { loadClientConfig } from './client-config.ts'

test('one signs in to the server whose port is in the environment, else to 3000', () => {
  const usual = (env: NodeJS.ProcessEnv) => loadClientConfig({ HOME: '/home/me', ...env }).usualUrl
  expect(usual({})).toBe('http://127.0.0.1:3000')
  expect(usual({ PORT: '4000' })).toBe('http://127.0.0.1:4000')
  for (const PORT of ['', '0', '-1', '65536', 'http', '3000.5']) {
    expect(usual({ PORT }), PORT).toBe('http://127.0.0.1:3000')
  }
})

test('the login lies below the configuration folder, and an empty variable counts as unset', () => {
  expect(loadClientConfig({ HOME: '/home/me', JUANIE_URL: '', JUANIE_TOKEN: '' })).toMatchObject({
    folder: '/home/me/.config/juanie',
    url: null,
    token: null,
  })
  expect(loadClientConfig({ HOME: '/home/me', XDG_CONFIG_HOME: '/x' }).folder).toBe('/x/juanie')
})

test('a token that was read from a file may bring its line end along', () => {
  expect(loadClientConfig({ HOME: '/home/me', JUANIE_TOKEN: 'jua_x\n' }).token).toBe('jua_x')
})

test('what is kept between runs of workflows lies below the cache folder', () => {
  expect(loadClientConfig({ HOME: '/home/me' }).cache).toBe('/home/me/.cache/juanie')
  expect(loadClientConfig({ HOME: '/home/me', XDG_CACHE_HOME: '/x' }).cache).toBe('/x/juanie')
  expect(loadClientConfig({ HOME: '/home/me', XDG_CACHE_HOME: 'relative' }).cache).toBe('/home/me/.cache/juanie')
})
