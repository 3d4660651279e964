import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Home } from './home.ts'
import { identify } from './process-identity.ts'
import { StartError } from './start-error.ts'

/** What the living server of a home tells whoever asks. */
type ServerHolder = { pid: number; url: string }

/** What the living agent of a home tells whoever asks. */
export type AgentHolder = {
  pid: number
  /** Hash of the program that it runs, see `buildOf`. */
  build: string
  /** See `agentSettings`. */
  settings: string
  /** Where its edge listens; null until it does. */
  edge: { host: string; port: number } | null
  isolation: string | null
  /** Why it cannot do its work, for people; null when it can. */
  problem: string | null
}

export type Holders = { server: ServerHolder; agent: AgentHolder }

export type Lock<Name extends keyof Holders> = AsyncDisposable & {
  /** Changes what is told from now on. */
  announce(holder: Holders[Name]): void
}

const generationOf = (name: string, file: string) =>
  file.startsWith(`${name}.`) ? Number(/^\.(\d{1,15})$/.exec(file.slice(name.length))?.[1] ?? 0) : 0

/**
 * Makes this process the server, or the agent, of the home; null when a living one is, which `findHolder` tells.
 *
 * The lock is a listening Unix socket, so the kernel lets go of it the moment its holder dies, however it dies. Its name
 * carries a generation, because a stale socket cannot be replaced in one step: a starter that finds the newest
 * generation dead links its own, already listening socket as the next one, which only one starter can. The newest file
 * is never removed, not even by an orderly end, so that a starter that was held up with an old view of the folder still
 * meets a newer name and looks again.
 */
export async function takeLock<Name extends keyof Holders>(
  home: Home,
  name: Name,
  holder: Holders[Name],
): Promise<Lock<Name> | null> {
  let told = holder
  const generation = (file: string) => generationOf(name, file)
  const nameOf = (generation: number) => `${name}.${generation}`
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    socket.end(JSON.stringify(told))
  })
  const folder = openFolder(home.run)
  const temporary = `take.${process.pid}.${randomBytes(4).toString('hex')}`
  const close = async () => {
    fs.rmSync(join(home.run, temporary), { force: true })
    await new Promise<void>((resolve) => server.close(() => resolve()))
    folder.close()
  }
  try {
    await listen(server, folder.path(temporary))
    for (let round = 0; round < 100; round++) {
      const generations = fs.readdirSync(home.run).map(generation)
      const newest = Math.max(0, ...generations)
      const found = newest === 0 ? null : await ask(folder.path(nameOf(newest)))
      if (found === 'gone') continue
      if (found) {
        await close()
        return null
      }
      if (!(await linkOnce(folder.path(temporary), folder.path(nameOf(newest + 1))))) continue
      // Whoever was held up between looking and linking may have made a name below one that another has taken since.
      if (fs.readdirSync(home.run).some((file) => generation(file) > newest + 1)) {
        fs.rmSync(folder.path(nameOf(newest + 1)), { force: true })
        continue
      }
      fs.rmSync(folder.path(temporary), { force: true })
      for (const file of fs.readdirSync(home.run)) {
        const starter = Number(/^take\.(\d{1,9})\./.exec(file)?.[1] ?? 0)
        const isLeftOver = starter > 0 && identify(starter) === null
        const isOld = generation(file) > 0 && generation(file) <= newest
        if (isLeftOver || isOld) fs.rmSync(folder.path(file), { force: true })
      }
      server.unref()
      return {
        announce: (next) => {
          told = next
        },
        [Symbol.asyncDispose]: async () => {
          for (const socket of sockets) socket.destroy()
          await close()
        },
      }
    }
    throw new StartError(
      `The lock of ${home.path} changes hands without end; another program keeps starting Juanie on it.`,
    )
  } catch (error) {
    await close()
    throw error
  }
}

/** Who is the server, or the agent, of the home now; null when nobody is. */
export async function findHolder<Name extends keyof Holders>(home: Home, name: Name): Promise<Holders[Name] | null> {
  const folder = openFolder(home.run)
  try {
    for (let round = 0; round < 20; round++) {
      const newest = Math.max(0, ...fs.readdirSync(home.run).map((file) => generationOf(name, file)))
      if (newest === 0) return null
      const found = await ask(folder.path(`${name}.${newest}`))
      if (found !== 'gone') return found as Holders[Name] | null
    }
    return null
  } finally {
    folder.close()
  }
}

/** What is asked of a socket whose holder lives but says nothing that can be read. */
const silent = { pid: 0, url: '', build: '', settings: '', edge: null, isolation: null, problem: null }

/** Null: the socket is dead. 'gone': its name vanished meanwhile. A holder that is alive but does not answer is one. */
function ask(path: string): Promise<Partial<ServerHolder & AgentHolder> | null | 'gone'> {
  return new Promise((resolve) => {
    const socket = connect(path)
    let answer = ''
    const decide = (result: Partial<ServerHolder & AgentHolder> | null | 'gone') => {
      socket.destroy()
      resolve(result)
    }
    const answered = () => decide(parseHolder(answer))
    socket.setTimeout(2_000, answered)
    socket.setEncoding('utf8')
    socket.on('data', (chunk: string) => {
      answer += chunk
    })
    socket.on('end', answered)
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') decide(null)
      else if (error.code === 'ENOENT') decide('gone')
      // Anything else, such as a full backlog, comes from a socket that somebody holds: fail closed.
      else answered()
    })
  })
}

function parseHolder(text: string): Partial<ServerHolder & AgentHolder> {
  try {
    const told: unknown = JSON.parse(text)
    return { ...silent, ...(typeof told === 'object' ? told : {}) }
  } catch {
    return silent
  }
}

function listen(server: Server, path: string): Promise<AddressInfo | string | null> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        new StartError(
          `JUANIE_HOME: its filesystem cannot hold the lock (${error.code}). Give a folder on a local disk. Example: JUANIE_HOME=/srv/juanie`,
          { cause: error },
        ),
      ),
    )
    server.listen(path, () => resolve(server.address()))
  })
}

async function linkOnce(from: string, to: string): Promise<boolean> {
  try {
    fs.linkSync(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/**
 * A Unix socket's path has at most 107 bytes (unix(7)); on Linux a longer one is reached through a descriptor of its
 * folder.
 */
function openFolder(folder: string): { path(name: string): string; close(): void } {
  const longest = process.platform === 'linux' ? 107 : 103
  if (Buffer.byteLength(folder) + 40 <= longest) return { path: (name) => join(folder, name), close: () => {} }
  if (process.platform !== 'linux') {
    throw new StartError(
      `JUANIE_HOME: its path is too long for a socket. Give a shorter one. Example: JUANIE_HOME=/srv/juanie`,
    )
  }
  const descriptor = fs.openSync(folder, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY)
  let isOpen = true
  return {
    path: (name) => `/proc/self/fd/${descriptor}/${name}`,
    close: () => {
      if (isOpen) fs.closeSync(descriptor)
      isOpen = false
    },
  }
}
