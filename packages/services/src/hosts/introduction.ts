import { AppError } from '@juanie/core/errors'
import * as z from 'zod/mini'
import { contractVersion, type Isolation, introduction, isolations } from './contract.ts'

/** How an agent introduced itself when it asked for work. */
export interface Introduction {
  version: number
  build: string | null
  incarnation: string
  slots: number
  holding: { jobId: string; fence: number }[]
  isolation: Isolation | null
  labels: string[]
}

const Holding = z.array(z.object({ jobId: z.uuid(), fence: z.int().check(z.minimum(0)) })).check(z.maxLength(1000))
const Labels = z.array(z.string().check(z.minLength(1), z.maxLength(100))).check(z.maxLength(50))

/** Reads the headers of `GET /api/agent/work`. Refuses what it cannot understand, naming the header. */
export function readIntroduction(headers: Record<string, string | string[] | undefined>): Introduction {
  const text = (name: string): string | null => {
    const value = headers[name]
    return typeof value === 'string' && value.trim() !== '' ? value.trim() : null
  }
  const parsed = <T>(name: string, schema: z.ZodMiniType<T>, value: unknown): T => {
    const result = schema.safeParse(value)
    if (result.success) return result.data
    throw new AppError('invalid', 'agent.introduction_invalid', {
      message: `The header ${name} is missing or cannot be read; the agent is of another version than the server.`,
      details: { header: name },
    })
  }
  const json = (name: string): unknown => {
    try {
      return JSON.parse(text(name) ?? '[]')
    } catch {
      return null
    }
  }
  const isolation = text(introduction.isolation)
  return {
    version: parsed(introduction.version, z.int(), Number(text(introduction.version) ?? contractVersion)),
    build: text(introduction.build)?.slice(0, 200) ?? null,
    incarnation: parsed(introduction.incarnation, z.uuid(), text(introduction.incarnation)),
    slots: parsed(
      introduction.slots,
      z.int().check(z.minimum(0), z.maximum(1024)),
      Number(text(introduction.slots) ?? 1),
    ),
    holding: parsed(introduction.holding, Holding, json(introduction.holding)),
    isolation: isolations.find((each) => each === isolation) ?? null,
    labels: parsed(introduction.labels, Labels, json(introduction.labels)).map((label) => label.toLowerCase()),
  }
}
