import type { LeasedJob } from '@juanie/services/hosts/contract'

/** What gets it: a step that runs an action, or one that runs a script, which GitHub gives less. */
type ServiceUser = 'action' | 'script'

/**
 * Where the steps of a job find its caches, artifacts and id tokens, in the variables that the clients of GitHub's
 * toolkit read. Empty where there is no server. `url` is the address under which steps reach it.
 */
export function serviceEnvironment(
  { services }: LeasedJob,
  url: string | null,
  user: ServiceUser,
): Record<string, string> {
  if (services === null || url === null) return {}
  const base = new URL('/', url).href
  const environment: Record<string, string> = {}
  if (services.idTokenRequest !== null) {
    // Clients append `&audience=…`.
    environment.ACTIONS_ID_TOKEN_REQUEST_URL = `${base}api/job/id-token?api-version=2.0`
    environment.ACTIONS_ID_TOKEN_REQUEST_TOKEN = services.idTokenRequest
  }
  if (user === 'script') return environment
  return {
    ...environment,
    ACTIONS_RUNTIME_TOKEN: services.runtimeToken,
    ACTIONS_RUNTIME_URL: base,
    ACTIONS_RESULTS_URL: base,
    ACTIONS_CACHE_URL: base,
    ACTIONS_CACHE_SERVICE_V2: 'True',
    GITHUB_SERVER_URL: actionServerUrl(base),
  }
}

/**
 * The clients of artifacts refuse every host that is not GitHub's, except one below `.localhost`, and that of caches
 * speaks its older protocol there. So this host gets such a name, which git and browsers resolve by themselves.
 */
function actionServerUrl(base: string): string {
  const url = new URL('/git', base)
  if (loopback.includes(url.hostname)) url.hostname = 'juanie.localhost'
  return url.href
}

const loopback = ['127.0.0.1', 'localhost', '[::1]']

/** Whether the clients take this address as it is; any other is reached through the `Forwarder`. */
export function isOnThisHost(serverUrl: string): boolean {
  const { protocol, hostname } = new URL(serverUrl)
  return protocol === 'http:' && (loopback.includes(hostname) || hostname.endsWith('.localhost'))
}

/** What must never show in the output of a job. */
export const servicePasses = ({ services }: LeasedJob): string[] =>
  services === null
    ? []
    : [services.runtimeToken, services.token, ...(services.idTokenRequest === null ? [] : [services.idTokenRequest])]

/**
 * What an action of GitHub's cannot do without a server, by its repository: `fatal` where it would be no use to run it.
 * Null for every other action.
 */
export function missingService(repository: string): { isFatal: boolean; sentence: string } | null {
  const [, name] = /^actions\/(cache|upload-artifact|download-artifact|upload-pages-artifact)$/i.exec(repository) ?? []
  if (name === undefined) return null
  return name.toLowerCase() === 'cache'
    ? { isFatal: false, sentence: 'There is no cache without a server: nothing is found, and nothing is kept.' }
    : { isFatal: true, sentence: `${repository} needs a server to keep artifacts, and this run has none.` }
}
