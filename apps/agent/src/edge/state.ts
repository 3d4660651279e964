import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type EdgeSettings, parseSettings, parseTable, type RouteTable } from './protocol.ts'

/** What an edge that starts again, agent or not, goes on with. */
export interface EdgeState {
  settings: EdgeSettings | null
  table: RouteTable
}

const nothing: EdgeState = { settings: null, table: { version: 0, routes: [] } }

/**
 * The state as a file. Written beside and renamed, so a kill at any moment leaves the old or the new one. It is not
 * synced: after a power cut the agent sends everything again, and a damaged file counts as none.
 */
export class StateFile {
  readonly #path: string

  constructor(folder: string) {
    this.#path = join(folder, 'edge.json')
  }

  read(): EdgeState {
    let text: string
    try {
      text = readFileSync(this.#path, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return nothing
      throw error
    }
    try {
      const { settings, table } = JSON.parse(text)
      return { settings: settings === null ? null : parseSettings(settings), table: parseTable(table) }
    } catch (error) {
      console.error(`${new Date().toISOString()} ${this.#path} is damaged and not used: ${(error as Error).message}`)
      return nothing
    }
  }

  write(state: EdgeState): void {
    const beside = `${this.#path}.${process.pid}`
    writeFileSync(beside, JSON.stringify(state), { mode: 0o600 })
    renameSync(beside, this.#path)
  }
}
