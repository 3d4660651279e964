import type { Page } from 'playwright-core'
import type { Furnished } from './furnish.ts'

/** Every page of the console, by a name for pictures and failures, once it has data. */
export const places = ({ run, deployment, release }: Furnished): Record<string, string> => ({
  home: '/main',
  account: '/-/account',
  'new-project': '/main/-/new',
  hosts: '/main/-/hosts',
  queues: '/main/-/queues',
  members: '/main/-/members',
  project: '/main/shop',
  'project-empty': '/main/blog',
  runs: '/main/shop/runs',
  'runs-failed': '/main/shop/runs?status=failed',
  'runs-empty': '/main/blog/runs',
  run: `/main/shop/runs/${run.good}`,
  'run-artifacts': `/main/shop/runs/${run.good}?view=artifacts`,
  'run-failed': `/main/shop/runs/${run.failed}`,
  'run-waiting': `/main/shop/runs/${run.waiting}`,
  'run-invalid': `/main/shop/runs/${run.invalid}`,
  'run-canceled': `/main/shop/runs/${run.canceled}`,
  releases: '/main/shop/releases',
  release: `/main/shop/releases/${release.last}`,
  environments: '/main/shop/environments',
  environment: '/main/shop/environments/dev',
  'environment-production': '/main/shop/environments/production',
  'environment-log': '/main/shop/environments/dev/log',
  'environment-variables': '/main/shop/environments/dev/variables',
  'environment-settings': '/main/shop/environments/dev/settings',
  deployments: '/main/shop/deployments',
  deployment: `/main/shop/deployments/${deployment.good}`,
  'deployment-failed': `/main/shop/deployments/${deployment.failed}`,
  'deployment-returned': `/main/shop/deployments/${deployment.returned}`,
  'deployment-soaking': `/main/shop/deployments/${deployment.soaking}`,
  'deployment-queued': `/main/shop/deployments/${deployment.queued}`,
  compare: `/main/shop/deployments/${deployment.good}/compare/${deployment.failed}`,
  events: '/main/shop/events',
  settings: '/main/shop/settings',
  missing: '/main/nothing-here',
})

/** What is shown to those who are not signed in. */
export const entrances: Record<string, string> = { 'sign-in': '/sign-in', 'invite-gone': '/invite/gone' }

/** What opens over a page. */
export const moments = (furnished: Furnished): Record<string, { path: string; open(page: Page): Promise<void> }> => ({
  palette: {
    path: places(furnished).project!,
    open: async (page) => {
      await page.keyboard.press('Control+k')
      await page.locator('[role=dialog]').waitFor()
    },
  },
  shortcuts: {
    path: places(furnished).project!,
    open: async (page) => {
      await page.keyboard.press('?')
      await page.locator('[role=dialog]').waitFor()
    },
  },
})
