import type { ComposerTranslation } from 'vue-i18n'

/** The sentences that agents say of instances, and the names of what they mention. A test finds them in the agent. */
export const agentSentences: { key: string; pattern: RegExp; names: string[] }[] = [
  { key: 'notHealthy', pattern: /^It did not become healthy within ([\d.]+) s\./, names: ['seconds'] },
  { key: 'noGoodProbe', pattern: /^No probe was good\./, names: [] },
  {
    key: 'noPort',
    pattern: /^It never opened its port: nothing listened on (\d+), the port that PORT names, within ([\d.]+) s\./,
    names: ['port', 'seconds'],
  },
  {
    key: 'wrongPort',
    pattern:
      /^It listens on port (.+?), not on (\d+), the port that PORT names\. Let it listen on the port in the variable PORT\./,
    names: ['ports', 'port'],
  },
  {
    key: 'exitedEarly',
    pattern: /^It exited with code (\d+) before it became healthy\./,
    names: ['code'],
  },
  { key: 'exited', pattern: /^It exited with code (\d+)\./, names: ['code'] },
  { key: 'endedEarly', pattern: /^It was ended by (\w+) before it became healthy\./, names: ['signal'] },
  { key: 'ended', pattern: /^It was ended by (\w+)\./, names: ['signal'] },
  {
    key: 'startedAgain',
    pattern: /^Started again, it had not opened its port when its ([\d.]+) s were over\./,
    names: ['seconds'],
  },
  {
    key: 'memory',
    pattern: /^It was ended because it used more than its memory limit of (.+?)\.(?= |$)/,
    names: ['limit'],
  },
  { key: 'neverHealthy', pattern: /^It was started (\d+) times and never became healthy\./, names: ['times'] },
  {
    key: 'restartLimit',
    pattern: /^It was started (\d+) times, as often as its restart policy allows\./,
    names: ['times'],
  },
  { key: 'pause', pattern: /^It is started again after ([\d.]+) s\./, names: ['seconds'] },
  { key: 'cannotStart', pattern: /^It cannot be started: (.*?)\.(?= |$)/, names: ['cause'] },
  { key: 'timeLimit', pattern: /^It took longer than its time limit of ([\d.]+) s\./, names: ['seconds'] },
  { key: 'answered', pattern: /^GET (\S+) answered (\d+), not (.+?)\.(?= |$)/, names: ['path', 'status', 'wanted'] },
  { key: 'noAnswer', pattern: /^GET (\S+) got no answer within (\d+) ms\./, names: ['path', 'ms'] },
  { key: 'refused', pattern: /^Nothing listens on port (\d+)\./, names: ['port'] },
  { key: 'probeFailed', pattern: /^GET (\S+) failed: (.*?)\.(?= |$)/, names: ['path', 'cause'] },
  { key: 'badProbes', pattern: /^(\d+) probes in a row were bad:/, names: ['count'] },
]

/** Says an agent's words in the language of the page; what is not known is left as the agent said it. */
export function sayAgentWords(text: string, t: ComposerTranslation): string {
  const said: string[] = []
  let rest = text.trim()
  while (rest !== '') {
    const found = agentSentences.map((one) => ({ ...one, match: one.pattern.exec(rest) })).find(({ match }) => match)
    if (!found?.match) return said.length === 0 ? text : [...said, rest].join('')
    const values = Object.fromEntries(found.names.map((name, index) => [name, found.match![index + 1]!]))
    said.push(t(`deployments.agent.${found.key}`, values))
    rest = rest.slice(found.match[0].length).trim()
  }
  return said.join('')
}
