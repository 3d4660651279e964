import { Sessions, SignInLimits } from '@juanie/services/auth'
import type { HttpDeps } from './http/index.ts'

const hourMs = 3_600_000

/** The jobs of all domains, and the sweeps that find what a lost job, a crash or time has left. */
export function registerJobs({ kernel, get }: Pick<HttpDeps, 'kernel' | 'get'>): void {
  kernel.jobs.register([])

  kernel.sweeps.every(hourMs, 'auth.sessions', () => get(Sessions).sweep())
  kernel.sweeps.every(hourMs, 'auth.limits', () => get(SignInLimits).sweep())
}
