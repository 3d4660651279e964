import { randomBytes } from 'node:crypto'
import { closeSync, constants, openSync, rmSync, writeSync } from 'node:fs'
import { Socket } from 'node:net'

/** A step may print this much between two reads before it has to wait: the size of a pipe. */
const readSize = 64 * 1024

/**
 * One pipe for both outputs of every step of a job, so that their order is what the program printed. The job keeps a
 * writer of its own: a background process that holds the pipe delays nothing, because the end of a step is a mark
 * that is written after its exit and read behind its last byte.
 */
export class OutputPipe {
  /**
   * What steps open for writing, each for itself: a program may switch what it was given to non-blocking and leave it
   * so.
   */
  readonly path: string
  readonly #reader: Socket
  /** Keeps the pipe open between steps and writes the marks; never waits. */
  readonly #markFd: number
  #onChunk: ((chunk: Buffer) => void) | null = null
  #mark: { bytes: Buffer; reached: () => void } | null = null
  /** Bytes at the end of what was read that may be the beginning of the mark. */
  #held = Buffer.alloc(0)

  private constructor(path: string, readFd: number, markFd: number) {
    this.path = path
    this.#markFd = markFd
    this.#reader = new Socket({ fd: readFd, readable: true, writable: false, highWaterMark: readSize } as never)
    this.#reader.on('data', (chunk: Buffer) => this.#take(chunk))
    // A pipe has no errors of its own that a step could cause; losing it ends the step through its mark's time limit.
    this.#reader.on('error', () => {})
    this.#reader.unref()
  }

  /** `path` is a named pipe in a folder that other jobs cannot enter, and belongs to who writes. */
  static open(path: string): OutputPipe {
    // Opened for reading first and without waiting, so that opening the writer finds a reader.
    const readFd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    return new OutputPipe(path, readFd, openSync(path, constants.O_WRONLY | constants.O_NONBLOCK))
  }

  /** Where the bytes go from now on. */
  listen(onChunk: (chunk: Buffer) => void): void {
    this.#onChunk = onChunk
    this.#reader.resume()
  }

  /** Resolves when everything that was written before this call has been handed on. */
  drained(): Promise<void> {
    const bytes = Buffer.concat([Buffer.from([0]), randomBytes(24)])
    return new Promise((resolve) => {
      const finished = () => {
        clearInterval(retry)
        this.#mark = null
        resolve()
      }
      this.#mark = { bytes, reached: finished }
      let written = 0
      const write = () => {
        try {
          // At most PIPE_BUF bytes: all or nothing, even while a background process writes too.
          if (written === 0) written = writeSync(this.#markFd, bytes)
        } catch (error) {
          // Full: the reader makes room and the next try succeeds.
          if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') finished()
        }
      }
      const retry = setInterval(write, 5)
      write()
    })
  }

  close(): void {
    this.#onChunk = null
    this.#reader.destroy()
    closeSync(this.#markFd)
    rmSync(this.path, { force: true })
  }

  #take(read: Buffer): void {
    const mark = this.#mark
    const chunk = this.#held.length > 0 ? Buffer.concat([this.#held, read]) : read
    this.#held = Buffer.alloc(0)
    if (!mark) {
      this.#onChunk?.(chunk)
      return
    }
    const at = chunk.indexOf(mark.bytes)
    if (at < 0) {
      const keep = overlap(chunk, mark.bytes)
      this.#held = Buffer.from(chunk.subarray(chunk.length - keep))
      if (keep < chunk.length) this.#onChunk?.(chunk.subarray(0, chunk.length - keep))
      return
    }
    if (at > 0) this.#onChunk?.(chunk.subarray(0, at))
    mark.reached()
    const rest = chunk.subarray(at + mark.bytes.length)
    if (rest.length > 0) this.#onChunk?.(rest)
  }
}

/** How many bytes at the end of `chunk` are the beginning of `mark`. */
function overlap(chunk: Buffer, mark: Buffer): number {
  for (let length = Math.min(chunk.length, mark.length - 1); length > 0; length--) {
    if (chunk.subarray(chunk.length - length).equals(mark.subarray(0, length))) return length
  }
  return 0
}
