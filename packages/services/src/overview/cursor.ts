import { AppError } from '@juanie/core/errors'

/** An instant as PostgreSQL writes it, to the microsecond, and an id: a page goes on exactly there. */
interface Place {
  at: string
  id: string
}

export const cursorOf = ({ at, id }: Place): string => `${at} ${id}`

export function readCursor(cursor: string): Place {
  const [, at, id] = /^(\d{4,6}-\d\d-\d\d [\d:.]{8,15}[+-][\d:]{2,8}) ([0-9a-f-]{36})$/.exec(cursor) ?? []
  if (!at || !id || Number.isNaN(Date.parse(at))) {
    throw new AppError('invalid', 'input.invalid', { message: 'after: is not a cursor that a list gave.' })
  }
  return { at, id }
}
