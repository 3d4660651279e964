import type { Ref } from 'vue'

export interface LogLine {
  /** Milliseconds. */
  at: number
  /** Up to `cutAt` characters of it. */
  text: string
  /** Of the whole line, which may be longer than the text. */
  length: number
  /** Who said it, where several speak. */
  speaker?: string
}

export type MarkKind = 'group' | 'endgroup' | 'error' | 'warning'

/** A line that stands out. */
export interface Mark {
  line: number
  kind: MarkKind
}

/** A part of a log as it was read; `lines` are numbered on from `first`. */
export interface Part {
  first: number
  lines: LogLine[]
}

export interface Found {
  /** Numbers of the lines, ascending. */
  matches: number[]
  /** How far it was looked, in the direction asked for. */
  reached: number
  isDone: boolean
}

/** `live`: lines come. `lost`: it is tried again. `over`: no more lines will come. `refused`: one may not see it any more. */
export type StreamState = 'idle' | 'connecting' | 'live' | 'lost' | 'over' | 'refused'

/**
 * A log as the viewer needs it: lines numbered from 1 without gaps. `first` and `total` bound what can be shown now;
 * what lies outside of them is asked for by `window`, where the log has one.
 */
export interface LogSource {
  /** Tells one log from another. */
  key: string
  first: Readonly<Ref<number>>
  total: Readonly<Ref<number>>
  /** How many lines there are in all, as far as it is known. */
  size: Readonly<Ref<number>>
  state: Readonly<Ref<StreamState>>
  marks: Readonly<Ref<Mark[]>>
  /** Whether `#L12` means the same line tomorrow. */
  hasLinks: boolean
  /** Whether its end is read first, also when nothing is added to it. */
  beginsAtEnd: boolean
  downloadUrl: string | null
  /** Asks for what is needed to show a log: its length, what stands out, and the first lines to be seen. */
  open(at: 'start' | 'end' | number, signal: AbortSignal): Promise<Part>
  /** So many lines from a number on. May answer fewer, but at least one where there is one. */
  lines(from: number, count: number, signal: AbortSignal): Promise<Part>
  /** One line as long as it is. */
  whole(line: number, signal: AbortSignal): Promise<string>
  /** Lines that hold the text, whatever the case of its letters, after or before a line; looks only so far in one call. */
  search(text: string, from: { after: number } | { before: number }, signal: AbortSignal): Promise<Found>
  /** Tells what comes after the last line that is known, until the returned function is called. */
  follow(hear: (part: Part) => void): () => void
  /** Of a log that is too costly to number as a whole: shows a stretch of it, which grows at both ends. */
  window?: LogWindow
}

interface LogWindow {
  /** Whether there is more before `first`. */
  hasOlder: Readonly<Ref<boolean>>
  /** Whether `total` is the end of the log. */
  isAtTail: Readonly<Ref<boolean>>
  older(signal: AbortSignal): Promise<Part>
  newer(signal: AbortSignal): Promise<Part>
  /** Moves to where a line that was found is. */
  reach(line: number, signal: AbortSignal): Promise<Part>
  /** Moves to the end of the log. */
  tail(signal: AbortSignal): Promise<Part>
}

/** Longer lines are shown in part at first. */
export const cutAt = 4_096

export const cutLine = (at: number, text: string): LogLine => ({
  at,
  text: text.length > cutAt ? text.slice(0, cutAt) : text,
  length: text.length,
})
