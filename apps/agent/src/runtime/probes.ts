import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import type { DesiredInstance } from '@juanie/services/hosts/contract'
import { killTree, listeningPorts, treeOf } from '../host/process-tree.ts'
import { startUserProcess } from '../host/user-command.ts'
import type { ManagedProcess } from './managed-process.ts'
import { type ProbeResult, probeHttp } from './probe.ts'
import { commandOf, type ProcessHost, startOf } from './workspace.ts'

const alive: Omit<ProbeResult, 'latencyMs'> = {
  good: true,
  status: null,
  body: 'running',
  isRefused: false,
  reason: null,
}

/** How the health of this instance is asked for. */
export function probeOf(
  host: ProcessHost,
  desired: DesiredInstance,
  about: { port: number | null; folder: string; process: ManagedProcess; isKnown(): boolean },
): () => Promise<ProbeResult> {
  const { probe, timeoutMs } = desired.health
  const { port } = about
  if (probe.kind === 'command') return () => probeCommand(host, desired, about)
  if (probe.kind === 'alive' || port === null) return async () => ({ ...alive, latencyMs: 0 })
  const path = probe.kind === 'http' ? probe.path : '/'
  const status: [number, number][] = probe.kind === 'http' ? probe.status : [[100, 499]]
  let isOwner = false
  return async () => {
    const result = await probeHttp({ port, path, hostname: desired.hostname, status, timeoutMs })
    if (!result.good || isOwner || about.isKnown()) return result
    // A good answer of another program that has the port would send visitors there.
    const { identity, mark } = about.process.record
    const ports = listeningPorts(treeOf(identity.pid, mark))
    if (ports === null || ports.includes(port)) {
      isOwner = true
      return result
    }
    const reason = `Another program answers on port ${port}.`
    return { ...result, good: false, body: reason, reason }
  }
}

/** Run beside the instance, with its environment and PORT; exit code 0 is good. */
async function probeCommand(
  host: ProcessHost,
  desired: DesiredInstance,
  { port, folder }: { port: number | null; folder: string },
): Promise<ProbeResult> {
  const { probe, timeoutMs } = desired.health
  if (probe.kind !== 'command') throw new TypeError('Only a command can be run as a probe.')
  const began = performance.now()
  const latencyMs = () => Math.round((performance.now() - began) * 100) / 100
  const bad = (reason: string): ProbeResult => ({
    good: false,
    status: null,
    body: reason,
    isRefused: false,
    reason,
    latencyMs: latencyMs(),
  })
  const mark = `${host.markPrefix}probe/${desired.id}/${Math.random().toString(36).slice(2)}`
  let pid = 0
  try {
    const { cwd, env, binds, isolation } = startOf(host, desired, { folder, port })
    const started = await startUserProcess({
      command: commandOf(host, probe.command),
      cwd,
      env,
      binds,
      isolation,
      role: 'application',
      stdio: ['ignore', 'pipe', 'pipe'],
      mark,
    })
    pid = started.pid
    let output = ''
    const take = (chunk: Buffer) => {
      if (output.length < 512) output += chunk.toString('utf8').replaceAll('\0', '\ufffd')
    }
    started.child.stdout?.on('data', take)
    started.child.stderr?.on('data', take)
    const exit = await Promise.race([started.exited, pause(timeoutMs, null, { ref: false })])
    // What it printed last may still be in the pipe.
    if (exit) await Promise.race([ended(started.child.stdout), pause(50, null, { ref: false })])
    started.child.stdout?.destroy()
    started.child.stderr?.destroy()
    if (exit === null) return bad(`The health command took longer than ${timeoutMs} ms.`)
    const body = output.slice(0, 512)
    if (exit.code === 0) return { ...alive, body, latencyMs: latencyMs() }
    const how = exit.signal ?? `code ${exit.code}`
    return { ...bad(`The health command ended with ${how}: ${body.trim().slice(0, 200)}`), body }
  } catch (error) {
    return bad(`The health command cannot be started: ${(error as Error).message}.`)
  } finally {
    if (pid > 0) await killTree(pid, mark)
  }
}

const ended = (stream: NodeJS.ReadableStream | null) =>
  stream ? new Promise((resolve) => stream.once('close', resolve)) : null
