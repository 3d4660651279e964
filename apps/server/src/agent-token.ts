import { readFileSync } from 'node:fs'
import { agentTokenFile, writeSecret } from '@juanie/core/home'
import type { Hosts } from '@juanie/services/hosts'
import type { Kernel } from './kernel.ts'

/** Lets the agent of this machine in: it reads its token from the home, and only its hash is stored. */
export async function giveLocalAgentToken({ home }: Kernel, hosts: Hosts): Promise<void> {
  const file = agentTokenFile(home)
  const current = read(file)
  const { token } = await hosts.ensureLocal(current)
  if (token !== current) writeSecret(file, token)
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').trim() || null
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}
