import { execFile } from 'node:child_process'
import { readdir, readFile, readlink } from 'node:fs/promises'
import { StartError } from './start-error.ts'

/** Who listens on a port of this machine. */
export interface PortHolder {
  pid: number
  /** Its command line, as far as it may be read. */
  command: string
}

const listening = '0A'

/** The port is someone else's. The message names the variable, the port and its holder. */
export class PortTaken extends StartError {
  readonly port: number
  readonly holder: PortHolder | null

  constructor(variable: string, port: number, holder: PortHolder | null) {
    const who = holder ? `process ${holder.pid} (${holder.command || 'unknown'})` : 'another program'
    super(`${variable}: port ${port} is taken by ${who}. Example: ${variable}=${port < 65_535 ? port + 1 : port - 1}`)
    this.port = port
    this.holder = holder
  }
}

/** Null when nobody listens there, or when the holder is not ours to see. */
export async function portHolder(port: number): Promise<PortHolder | null> {
  return process.platform === 'linux' ? fromProc(port) : fromLsof(port)
}

async function fromProc(port: number): Promise<PortHolder | null> {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0')
  const inodes = new Set<string>()
  for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) {
    const lines = (await readFile(file, 'latin1').catch(() => '')).split('\n').slice(1)
    for (const line of lines) {
      const fields = line.trim().split(/\s+/)
      if (fields[1]?.endsWith(`:${wanted}`) && fields[3] === listening && fields[9]) inodes.add(`socket:[${fields[9]}]`)
    }
  }
  if (inodes.size === 0) return null
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue
    for (const fd of await readdir(`/proc/${name}/fd`).catch(() => [])) {
      const target = await readlink(`/proc/${name}/fd/${fd}`).catch(() => '')
      if (!inodes.has(target)) continue
      const command = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')
      return { pid: Number(name), command: command.split('\0').join(' ').trim().slice(0, 200) }
    }
  }
  return null
}

function fromLsof(port: number): Promise<PortHolder | null> {
  return new Promise((resolve) => {
    const lsof = ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fpc']
    execFile('lsof', lsof, { timeout: 3_000 }, (_error, output) => {
      const pid = /^p(\d+)$/m.exec(output ?? '')?.[1]
      resolve(pid ? { pid: Number(pid), command: /^c(.+)$/m.exec(output)?.[1] ?? '' } : null)
    })
  })
}
