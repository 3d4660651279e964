/** What a job of the corpus did besides succeeding, in the order of the columns. */
const deeds = ['language', 'cache', 'artifact', 'matrix', 'composite']

/** Jobs that could have run: on Linux, and not left out by the workflow itself. */
const possible = ({ jobs = [] }) => jobs.filter(({ elsewhere, status }) => !elsewhere && status !== 'skipped')

/** The table of docs/workflows.md, from what corpus.json holds. */
export function tableOf(entries) {
  const tried = entries.filter((entry) => possible(entry).length > 0)
  const rows = tried.map((entry) => {
    const jobs = possible(entry)
    const good = jobs.filter(({ status }) => status === 'succeeded')
    const counts = deeds.map((deed) => good.filter((job) => job[deed]).length)
    return { entry, numbers: [jobs.length, good.length, ...counts] }
  })
  const line = (cells) => `| ${cells.join(' | ')} |`
  const sums = rows.reduce((all, { numbers }) => all.map((sum, place) => sum + numbers[place]), Array(7).fill(0))
  const successful = rows.filter(({ numbers }) => numbers[1] > 0).length
  return [
    line(['repository', 'jobs', 'succeeded', ...deeds, 'what kept the others']),
    line(['---', ...Array(7).fill('---:'), '---']),
    ...rows.map(({ entry, numbers }) =>
      line([`\`${entry.repository}@${entry.commit.slice(0, 12)}\``, ...numbers, entry.why ?? '']),
    ),
    line([
      `**${rows.length} repositories, ${successful} with jobs that succeeded**`,
      ...sums.map((sum) => `**${sum}**`),
      '',
    ]),
  ].join('\n')
}
