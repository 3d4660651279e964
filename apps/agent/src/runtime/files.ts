import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs'
import { open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { seal, unseal } from '@juanie/core/crypto'
import { writeSecret } from '@juanie/core/home'

/** Replaces a file so that it is there as it was or as it shall be, also after the power went. */
export function writeDurably(file: string, content: string): void {
  const temporary = `${file}.new`
  const descriptor = openSync(temporary, 'w', 0o600)
  try {
    const data = Buffer.from(content)
    for (let done = 0; done < data.length; ) done += writeSync(descriptor, data, done)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
  renameSync(temporary, file)
  const folder = openSync(dirname(file), 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}

/** The same without waiting for the disk: enough where only the death of this process matters. */
export function writeWhole(file: string, content: string): void {
  const temporary = `${file}.new`
  writeFileSync(temporary, content, { mode: 0o600 })
  renameSync(temporary, file)
}

/**
 * A file whose content also lives in memory. While the disk takes nothing, because it is full for example, the newest
 * content waits and is written as soon as it can be: a full disk must not end the care for what runs.
 */
export class KeptFile {
  readonly #file: string
  #waiting: { content: string; isDurable: boolean } | null = null
  #retry: NodeJS.Timeout | null = null

  constructor(file: string) {
    this.#file = file
  }

  /** False when it has to wait. */
  write(content: string, isDurable = false): boolean {
    try {
      if (isDurable) writeDurably(this.#file, content)
      else writeWhole(this.#file, content)
      this.#waiting = null
      return true
    } catch (error) {
      // Its folder is gone: nobody will read it.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
      this.#waiting = { content, isDurable }
      this.#retry ??= setTimeout(() => {
        this.#retry = null
        if (this.#waiting) this.write(this.#waiting.content, this.#waiting.isDurable)
      }, retryMs).unref()
      return false
    }
  }
}

const retryMs = 1_000

/** Null when there is none, or nothing that can be read: the caller begins anew then. */
export function readJson<T>(file: string): T | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T
  } catch {
    return null
  }
}

/**
 * A file that only this host can read: sealed with a key that lies beside it. That keeps values out of backups and
 * other eyes that get the file alone; it does not protect from whoever may read the whole folder.
 */
export class SealedFile {
  readonly #file: string
  readonly #key: Buffer
  readonly #context: string

  constructor(file: string, keyFile: string, context: string) {
    this.#file = file
    this.#context = context
    this.#key = hostKey(keyFile)
  }

  /** Null when there is none. Throws when it cannot be opened. */
  read(): string | null {
    let sealed: string
    try {
      sealed = readFileSync(this.#file, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
      throw error
    }
    return unseal(this.#key, sealed, this.#context).toString('utf8')
  }

  /** Resolves when it lies on the disk for good. The caller lets one write end before the next. */
  async write(plain: string): Promise<void> {
    const sealed = seal(this.#key, Buffer.from(plain), this.#context)
    const temporary = `${this.#file}.new`
    const handle = await open(temporary, 'w', 0o600)
    try {
      await handle.writeFile(sealed)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(temporary, this.#file)
    const folder = await open(dirname(this.#file), 'r')
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  }
}

function hostKey(file: string): Buffer {
  for (;;) {
    try {
      const key = Buffer.from(readFileSync(file, 'utf8').trim(), 'base64')
      if (key.length === 32) return key
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
    writeSecret(file, `${randomBytes(32).toString('base64')}\n`)
  }
}
