import { expect, test } from 'vitest'
import { pages, renderPage } from './pages.ts'

test('plain text ends each title with the full stop of its language', () => {
  expect(renderPage(pages.unknownHost, undefined).body.toString()).toBe(
    'No such application. No application is served under this hostname. Check the address.\n没有此应用。该主机名下没有任何应用，请检查地址是否正确。\n',
  )
})
