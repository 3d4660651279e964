import type { PushStatus } from './contract.ts'

/** `handle` may come at once, when the runs of a push are written right after its ref moved. */
const pushMoves = {
  received: { accept: 'accepted', handle: 'handled', refuse: 'refused' },
  accepted: { handle: 'handled' },
  handled: {},
  refused: {},
} as const satisfies Record<PushStatus, Record<string, PushStatus>>

/** Statuses from which a move leads somewhere, for the `where` of its update. */
export const pushesThatCan = (move: 'accept' | 'handle' | 'refuse'): PushStatus[] =>
  (Object.keys(pushMoves) as PushStatus[]).filter((status) => Object.hasOwn(pushMoves[status], move))
