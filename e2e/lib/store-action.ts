/**
 * The files of an action, `./.juanie/actions/store`, that keeps an artifact and a cache as those of GitHub do, with
 * nothing to install. What the server does not answer is asked again.
 */
export const storeAction = {
  '.juanie/actions/store/action.yml': 'name: Store\nruns:\n  using: node20\n  main: main.mjs\n',
  '.juanie/actions/store/main.mjs': `const { ACTIONS_RESULTS_URL: base, ACTIONS_RUNTIME_TOKEN: token, GITHUB_SHA: commit } = process.env
async function insist(url, options) {
  for (let left = 100; ; left--) {
    const answer = await fetch(url, options).catch((error) => error)
    if (answer.ok) return answer
    const why = answer.status ? answer.status + ' ' + (await answer.text()) : String(answer.cause ?? answer)
    if (left === 0 || (answer.status && answer.status < 500)) throw new Error(url + ': ' + why)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
async function ask(method, input) {
  const answer = await insist(new URL('twirp/github.actions.results.api.v1.' + method, base), {
    method: 'POST',
    headers: { authorization: 'Bearer ' + token, 'content-type': 'application/json' },
    body: JSON.stringify(input),
  })
  return answer.json()
}
async function keep(service, key, text) {
  const { signed_upload_url: url } = await ask(service.create, { ...key, mime_type: 'text/plain' })
  await insist(url, { method: 'PUT', headers: { 'x-ms-blob-type': 'BlockBlob' }, body: text })
  const { ok } = await ask(service.finish, { ...key, size: String(text.length), size_bytes: String(text.length) })
  if (!ok) throw new Error(service.finish + ' was refused')
}
const artifacts = { create: 'ArtifactService/CreateArtifact', finish: 'ArtifactService/FinalizeArtifact' }
const caches = { create: 'CacheService/CreateCacheEntry', finish: 'CacheService/FinalizeCacheEntryUpload' }
await keep(artifacts, { name: 'test-report.txt' }, '90 passed\\n'.repeat(4_000))
await keep(caches, { key: 'npm-linux-' + commit.slice(0, 12), version: 'a' }, 'x'.repeat(2_000_000))
`,
}
