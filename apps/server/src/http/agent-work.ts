import { messageOf } from '@juanie/core/errors'
import { leaseMs } from '@juanie/core/leases'
import { storable } from '@juanie/core/text'
import { AgentHub, type Channel, Hosts, readIntroduction } from '@juanie/services/hosts'
import { contractVersion, type Frame, LogsRequest, ReportRequest } from '@juanie/services/hosts/contract'
import { AgentLogs, AgentReports, JobLeases } from '@juanie/services/runs'
import type { FastifyInstance } from 'fastify'
import { agentOf } from './agent-caller.ts'
import { readBody } from './agent-observed.ts'
import type { HttpDeps } from './deps.ts'

const pingMs = 5_000
/** An agent that does not read is cut off; it comes again and is told everything anew. */
const maxWaitingBytes = 64 * 1024 * 1024
const maxReportBytes = 16 * 1024 * 1024
/** The contract allows 4 MiB; JSON of it may be written with escapes. */
const maxLogBytes = 8 * 1024 * 1024

/** What agents call: one long answer with their work, and short calls with what became of it. */
export function registerAgentWork(fastify: FastifyInstance, { kernel, get }: HttpDeps): void {
  const hosts = get(Hosts)
  const hub = get(AgentHub)
  const reports = get(AgentReports)
  const logs = get(AgentLogs)
  const leases = get(JobLeases)

  fastify.get('/api/agent/work', async (request, reply) => {
    const agent = await agentOf(request, hosts)
    const introduction = readIntroduction(request.headers)
    const { isNew } = await hosts.introduce(agent, introduction)
    reply.hijack()
    const { raw } = reply
    raw.on('error', () => {})
    raw.writeHead(200, {
      'content-type': 'application/x-ndjson',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    })
    raw.socket?.setNoDelay(true)
    const channel: Channel = {
      agent,
      introduction,
      isNew,
      send: (frame: Frame) => {
        if (raw.destroyed || raw.writableEnded) return
        raw.write(`${JSON.stringify(frame)}\n`)
        if (raw.writableLength > maxWaitingBytes) raw.destroy()
      },
      close: () => {
        if (!raw.writableEnded) raw.end()
      },
    }
    channel.send({
      v: contractVersion,
      type: 'hello',
      agentId: agent.id,
      hostId: agent.hostId,
      leaseMs,
      replace: introduction.version < contractVersion,
    })
    const leave = hub.open(channel)
    const pings = setInterval(() => channel.send({ v: contractVersion, type: 'ping' }), pingMs)
    raw.once('close', () => {
      clearInterval(pings)
      leave()
    })
    if (raw.destroyed) {
      clearInterval(pings)
      leave()
      return
    }
    try {
      await hub.welcome(channel)
    } catch (error) {
      kernel.log.warn({ agent: agent.id, why: messageOf(error) }, 'an agent could not be told its work; it comes again')
      raw.destroy()
    }
  })

  fastify.post('/api/agent/report', { bodyLimit: maxReportBytes }, async (request) => {
    const agent = await agentOf(request, hosts)
    const { stopped, ...answer } = await reports.take(agent, readBody(ReportRequest, storable(request.body)))
    // Said again each second for as long as it is not obeyed: a frame may have been lost.
    if (stopped.length > 0) await leases.stopJobs(stopped)
    return answer
  })

  fastify.post('/api/agent/logs', { bodyLimit: maxLogBytes }, async (request) => {
    const agent = await agentOf(request, hosts)
    return logs.take(agent, readBody(LogsRequest, request.body))
  })
}
