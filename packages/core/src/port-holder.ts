import { execFile } from 'node:child_process'
import { readdir, readFile, readlink } from 'node:fs/promises'
import { createServer } from 'node:net'
import { StartError } from './start-error.ts'

/** Who listens on a port of this machine. */
export interface PortHolder {
  pid: number
  /** Its command line, as far as it may be read. */
  command: string
}

/** Whether this process could listen there now, or why not. */
export function tryListen(host: string, port: number): Promise<'free' | NodeJS.ErrnoException> {
  return new Promise((resolve) => {
    const server = createServer().once('error', resolve)
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve('free')))
  })
}

/** The sentence for a port that cannot be had: it names the variable, the port and its holder. */
export async function portRefusal(
  variable: 'PORT' | 'EDGE_PORT',
  port: number,
  error: NodeJS.ErrnoException,
): Promise<StartError> {
  const example = `Example: ${variable}=${port < 65_535 ? port + 1 : port - 1}`
  if (error.code === 'EADDRINUSE') {
    const holder = await portHolder(port)
    const who = holder ? `process ${holder.pid} (${holder.command || 'unknown'})` : 'a program of another user'
    return new StartError(`${variable}: port ${port} is taken by ${who}. ${example}`, { cause: error })
  }
  if (error.code === 'EACCES') {
    return new StartError(
      `${variable}: this user may not listen on port ${port}. Take one above 1023. Example: ${variable}=${variable === 'PORT' ? 3000 : 8080}`,
      { cause: error },
    )
  }
  const host = variable === 'PORT' ? 'HOST' : 'EDGE_HOST'
  return new StartError(`${host}: nothing can listen there (${error.code}). Example: ${host}=127.0.0.1`, {
    cause: error,
  })
}

/** Null when nobody listens there, or when the holder is not ours to see. */
export async function portHolder(port: number): Promise<PortHolder | null> {
  return process.platform === 'linux' ? fromProc(port) : fromLsof(port)
}

/** The state TCP_LISTEN in /proc/net/tcp, see proc_pid_net(5). */
const listening = '0A'

async function fromProc(port: number): Promise<PortHolder | null> {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const sockets = new Set<string>()
  for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of (await readFile(file, 'latin1').catch(() => '')).split('\n').slice(1)) {
      const fields = line.trim().split(/\s+/)
      if (fields[1]?.endsWith(wanted) && fields[3] === listening && fields[9]) sockets.add(`socket:[${fields[9]}]`)
    }
  }
  if (sockets.size === 0) return null
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue
    for (const fd of await readdir(`/proc/${name}/fd`).catch(() => [])) {
      if (!sockets.has(await readlink(`/proc/${name}/fd/${fd}`).catch(() => ''))) continue
      const command = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')
      return { pid: Number(name), command: command.replaceAll('\0', ' ').trim().slice(0, 200) }
    }
  }
  return null
}

function fromLsof(port: number): Promise<PortHolder | null> {
  return new Promise((resolve) => {
    execFile('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fpc'], { timeout: 3_000 }, (_error, output) => {
      const pid = /^p(\d+)$/m.exec(output ?? '')?.[1]
      resolve(pid ? { pid: Number(pid), command: /^c(.+)$/m.exec(output)?.[1] ?? '' } : null)
    })
  })
}
