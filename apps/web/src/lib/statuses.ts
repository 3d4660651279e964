import {
  Ban,
  CircleCheck,
  CircleDashed,
  CircleDot,
  CircleHelp,
  CircleSlash,
  CircleX,
  Clock,
  Hourglass,
  LoaderCircle,
  RotateCw,
  TriangleAlert,
  Undo2,
} from '@lucide/vue'
import type { Component } from 'vue'

export type Tone = 'ok' | 'bad' | 'warn' | 'live' | 'idle'

interface Look {
  tone: Tone
  icon: Component
  /** Something is going on right now: the icon turns. */
  isMoving?: boolean
}

const ok: Look = { tone: 'ok', icon: CircleCheck }
const bad: Look = { tone: 'bad', icon: CircleX }
const moving: Look = { tone: 'live', icon: LoaderCircle, isMoving: true }
const waiting: Look = { tone: 'warn', icon: Clock }
const idle: Look = { tone: 'idle', icon: CircleSlash }

/** How a status, a health or an outcome looks. Its word is `status.<name>`: colour never stands alone. */
const looks: Record<string, Look> = {
  succeeded: ok,
  success: ok,
  healthy: ok,
  live: ok,
  synced: ok,
  running: moving,
  leased: moving,
  preparing: moving,
  migrating: moving,
  rolling_out: moving,
  verifying: moving,
  switching: moving,
  progressing: moving,
  starting: moving,
  fetching: moving,
  draining: moving,
  connecting: moving,
  soaking: { tone: 'live', icon: Hourglass },
  rolling_back: { tone: 'warn', icon: LoaderCircle, isMoving: true },
  created: waiting,
  queued: waiting,
  waiting,
  pending: { tone: 'idle', icon: CircleDashed },
  blocked: { tone: 'warn', icon: Ban },
  failed: bad,
  failure: bad,
  invalid: bad,
  lost: bad,
  rollback_failed: bad,
  timed_out: { tone: 'bad', icon: Clock },
  unhealthy: { tone: 'bad', icon: TriangleAlert },
  backing_off: { tone: 'warn', icon: RotateCw },
  degraded: { tone: 'bad', icon: TriangleAlert },
  rolled_back: { tone: 'bad', icon: Undo2 },
  out_of_sync: { tone: 'warn', icon: CircleDot },
  canceled: idle,
  cancelled: idle,
  skipped: { tone: 'idle', icon: CircleDashed },
  superseded: idle,
  stopped: idle,
  completed: ok,
  missing: { tone: 'idle', icon: CircleDashed },
  never: { tone: 'idle', icon: CircleDashed },
  never_seen: { tone: 'idle', icon: CircleDashed },
  away: { tone: 'bad', icon: TriangleAlert },
  unknown: { tone: 'idle', icon: CircleHelp },
}

export const lookOf = (status: string): Look => looks[status] ?? looks.unknown!
