import { createRouter, createWebHistory, type RouteRecordRaw } from 'vue-router'
import ConsoleLayout from './layouts/ConsoleLayout.vue'
import OrganizationLayout from './layouts/OrganizationLayout.vue'
import ProjectLayout from './layouts/ProjectLayout.vue'
import { loadAllWords } from './lib/i18n.ts'
import { latePage, openWhenAnswered } from './lib/late-page.ts'
import { watchOpening } from './lib/opening.ts'
import ProjectPage from './pages/ProjectPage.vue'

const number = '(\\d+)'

/** Inside a project. Their names are what the command palette, the navigation and the tests go by. */
const projectPages: RouteRecordRaw[] = [
  { path: '', name: 'project', component: ProjectPage },
  { path: 'runs', name: 'runs', component: () => import('./pages/RunsPage.vue') },
  { path: `runs/:number${number}`, name: 'run', component: () => import('./pages/RunPage.vue') },
  { path: 'releases', name: 'releases', component: () => import('./pages/ReleasesPage.vue') },
  { path: `releases/:number${number}`, name: 'release', component: () => import('./pages/ReleasePage.vue') },
  { path: 'environments', name: 'environments', component: () => import('./pages/EnvironmentsPage.vue') },
  {
    path: 'environments/:environment/:tab(log|variables|settings)?',
    name: 'environment',
    component: () => import('./pages/EnvironmentPage.vue'),
  },
  { path: 'deployments', name: 'deployments', component: () => import('./pages/DeploymentsPage.vue') },
  { path: `deployments/:number${number}`, name: 'deployment', component: () => import('./pages/DeploymentPage.vue') },
  {
    path: `deployments/:number${number}/compare/:other${number}`,
    name: 'compare',
    component: () => import('./pages/ComparePage.vue'),
  },
  { path: 'events', name: 'events', component: () => import('./pages/EventsPage.vue') },
  { path: 'settings', name: 'settings', component: () => import('./pages/ProjectSettingsPage.vue') },
]

/** `-` is nobody's name, so pages of an organization cannot be taken for a project. */
const organizationPages: RouteRecordRaw[] = [
  { path: '', name: 'home', component: () => import('./pages/HomePage.vue') },
  { path: '-/new', name: 'new-project', component: () => import('./pages/NewProjectPage.vue') },
  { path: '-/hosts', name: 'hosts', component: () => import('./pages/HostsPage.vue') },
  { path: '-/queues', name: 'queues', component: () => import('./pages/QueuesPage.vue') },
  { path: '-/members', name: 'members', component: () => import('./pages/MembersPage.vue') },
]

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    {
      path: '/',
      component: ConsoleLayout,
      children: [
        { path: '', name: 'start', component: () => import('./pages/StartPage.vue') },
        { path: '-/account', name: 'account', component: () => import('./pages/AccountPage.vue') },
        {
          path: ':organization',
          component: OrganizationLayout,
          children: organizationPages,
        },
        {
          path: ':organization/:project',
          component: ProjectLayout,
          children: projectPages,
        },
        { path: ':rest(.*)*', name: 'missing', component: () => import('./pages/MissingPage.vue') },
      ],
    },
  ],
  scrollBehavior: (to, from, saved) => {
    if (saved) return saved
    // The page itself goes to a line of a log, once the log is there.
    if (to.hash) return {}
    // A filter or a tab of the same page leaves the reader where they are.
    return to.path === from.path ? {} : { top: 0 }
  },
})

watchOpening(router)

const restAfterMs = 1_000

// The overview of a project is where most begin: it waits for its own words only, and the others come after it.
router.beforeResolve(async ({ name }) => {
  if (name !== 'project') await loadAllWords()
})
router.afterEach(() => setTimeout(() => void loadAllWords().catch(() => {}), restAfterMs))

const reloadedKey = 'juanie.reloaded'

// After an upgrade an open tab asks for files of the build before: the page is loaded anew, once.
router.onError((error, to) => {
  if (!/dynamically imported module|Importing a module|Failed to fetch|preload CSS/i.test(String(error))) return
  try {
    if (sessionStorage.getItem(reloadedKey) === to.fullPath) return
    sessionStorage.setItem(reloadedKey, to.fullPath)
  } catch {
    // Where nothing can be kept, nothing would end a circle of loading anew.
    return
  }
  void openWhenAnswered(to.fullPath)
})
router.afterEach(() => {
  latePage.value = null
  try {
    sessionStorage.removeItem(reloadedKey)
  } catch {
    // Nothing was kept.
  }
})
