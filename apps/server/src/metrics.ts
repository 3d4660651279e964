/** Numbers in the text format that Prometheus reads (https://prometheus.io/docs/instrumenting/exposition_formats/). */

type Labels = Readonly<Record<string, string>>
type Read = () => number | Promise<number> | [Labels, number][] | Promise<[Labels, number][]>

interface Metric {
  name: string
  help: string
  type: 'counter' | 'gauge'
  read: Read
}

/** Keeps a label that somebody invents with each call from filling the memory. */
const maxSeries = 500

export class Metrics {
  readonly #metrics = new Map<string, Metric>()

  /** A number that is looked up when somebody asks. */
  gauge(name: string, help: string, read: Read): void {
    this.#metrics.set(name, { name, help, type: 'gauge', read })
  }

  /** A number that only grows; the returned function adds to it. `name` ends in `_total`. */
  counter(name: string, help: string): (labels?: Labels, by?: number) => void {
    const series = new Map<string, [Labels, number]>()
    this.#metrics.set(name, { name, help, type: 'counter', read: () => [...series.values()] })
    return (labels = {}, by = 1) => {
      const key = JSON.stringify(labels)
      const one = series.get(key)
      if (one) one[1] += by
      else if (series.size < maxSeries) series.set(key, [labels, by])
    }
  }

  async text(): Promise<string> {
    const parts = await Promise.all([...this.#metrics.values()].map(render))
    return parts.join('')
  }
}

async function render({ name, help, type, read }: Metric): Promise<string> {
  const head = `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`
  try {
    const value = await read()
    const series: [Labels, number][] = typeof value === 'number' ? [[{}, value]] : value
    return head + series.map(([labels, number]) => `${name}${braces(labels)} ${number}\n`).join('')
  } catch {
    // One number that cannot be had (the database is away) does not take the others with it.
    return head
  }
}

const braces = (labels: Labels): string => {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`)
  return pairs.length > 0 ? `{${pairs.join(',')}}` : ''
}

const escaped = (value: string): string => value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
