import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { root } from '../../e2e/lib/juanie.ts'
import { within } from './clock.ts'

type Message = Record<string, unknown> & { type: string }

/**
 * A floor as a process of its own: `floors/<name>.mjs`, told what it needs as JSON in its argument. It prints one JSON
 * object a line, the first of type `ready`, takes JSON objects a line on its input, and ends when the input does.
 */
export class Floor implements AsyncDisposable {
  readonly pid: number
  readonly #child: ChildProcess
  readonly #messages: Message[] = []
  readonly #waiting = new Map<string, (message: Message) => void>()

  private constructor(child: ChildProcess) {
    this.#child = child
    this.pid = child.pid!
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const message = JSON.parse(line) as Message
      const take = this.#waiting.get(message.type)
      this.#waiting.delete(message.type)
      if (take) take(message)
      else this.#messages.push(message)
    })
  }

  static async start<T>(name: string, told: object): Promise<{ floor: Floor; ready: T }> {
    const child = spawn(process.execPath, [join(root, 'bench/floors', `${name}.mjs`), JSON.stringify(told)], {
      cwd: '/',
      env: { PATH: process.env.PATH ?? '/usr/bin:/bin', LANG: 'C.UTF-8', HOME: '/nonexistent' },
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const floor = new Floor(child)
    const died = new Promise<never>((_, reject) =>
      child.once('exit', (code) => reject(new Error(`the floor ${name} ended with ${code}`))),
    )
    died.catch(() => {})
    const ready = (await Promise.race([floor.next('ready'), died])) as unknown as T
    return { floor, ready }
  }

  /** The next message of a type, also one that has come already. */
  next<T>(type: string, limitMs = 60_000): Promise<T> {
    const at = this.#messages.findIndex((message) => message.type === type)
    if (at >= 0) return Promise.resolve(this.#messages.splice(at, 1)[0] as T)
    const coming = new Promise<Message>((resolve) => this.#waiting.set(type, resolve))
    return within(limitMs, `"${type}" of a floor`, coming) as Promise<T>
  }

  tell(message: Message): void {
    this.#child.stdin!.write(`${JSON.stringify(message)}\n`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.stdin!.end()
    const kill = setTimeout(() => this.#child.kill('SIGKILL'), 3_000)
    await gone
    clearTimeout(kill)
  }
}
