import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from './config.ts'

/**
 * How the server of a home and the agent of the same home find each other. The agent takes the lock `agent` of the home
 * (`takeLock`) at its start and tells through it which build and settings it runs with, where its edge listens and what
 * keeps it from working. The server adopts such an agent, or ends it and starts another where build or settings differ.
 *
 * `dist/agent.mjs` is called in three ways, always with JUANIE_HOME set:
 * - without arguments: connect to the server that `run/server.json` names, which is read again at each reconnect;
 *   SIGTERM ends the agent alone, edge and instances go on;
 * - `--server URL --token-file F`: the same on another host;
 * - `down`: take the lock, end every instance and the edge of the home in an orderly way, and exit.
 */
export type ServerFile = {
  /** An address of this machine, whatever JUANIE_URL says. */
  url: string
  pid: number
}

/** Tells two programs apart by their content. */
export const buildOf = (file: string): string =>
  createHash('sha256').update(readFileSync(file)).digest('hex').slice(0, 16)

export const agentProgram = (root: string): string => join(root, 'dist', 'agent.mjs')

/** The program that runs a workflow without a server, with the agent's own means. */
export const localRunProgram = (root: string): string => join(root, 'dist', 'local.mjs')

/** The part of the configuration that the local agent works by: another value of it needs another agent. */
export const agentSettings = (config: Config): string =>
  createHash('sha256')
    .update(
      JSON.stringify([
        config.edgeHost,
        config.edgePort,
        config.trustProxy,
        config.agentJobs,
        config.logLevel,
        config.node24,
        config.toolCache,
        config.jobEnvironment,
      ]),
    )
    .digest('hex')
    .slice(0, 16)

const passedOn =
  /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LC_[A-Z]+|TZ|TMPDIR|NODE_ENV|NODE_EXTRA_CA_CERTS|SSL_CERT_(FILE|DIR)|https?_proxy|HTTPS?_PROXY|no_proxy|NO_PROXY|HOST|EDGE_HOST|EDGE_PORT|JUANIE_(AGENT_JOBS|TRUST_PROXY|LOG_LEVEL|BASE_DOMAIN|ALLOW_PRIVATE_ADDRESSES|NODE24|TOOL_CACHE|JOB_ENV|DEFAULT_[A-Z_]+|BUNDLE_MAX_BYTES|CRASH_POINT))$/

/** What of its own environment the server gives to the agent that it starts; no secret of the server is among it. */
export function agentEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  config: Config,
): Record<string, string> {
  const kept = Object.entries(env).filter(
    (entry): entry is [string, string] => passedOn.test(entry[0]) && entry[1] !== undefined,
  )
  return { ...Object.fromEntries(kept), ...config.jobEnvironment, JUANIE_HOME: config.home, JUANIE_ROOT: config.root }
}
