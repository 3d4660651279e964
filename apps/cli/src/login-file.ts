import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CommandError } from './exit.ts'

export interface Login {
  url: string
  token: string
  /** Id of the token on the server, to revoke it at logout. */
  tokenId: string | null
  email: string
}

const fileName = 'login.json'

export function readLogin(folder: string): Login | null {
  let text: string
  try {
    text = readFileSync(join(folder, fileName), 'utf8')
  } catch {
    return null
  }
  const login = parsed(text)
  if (login) return login
  throw new CommandError(`${join(folder, fileName)} is damaged. Remove it, then sign in again: juanie login`)
}

function parsed(text: string): Login | null {
  try {
    const value = JSON.parse(text) as Partial<Login> | null
    return typeof value?.url === 'string' && typeof value.token === 'string' ? (value as Login) : null
  } catch {
    return null
  }
}

/** Readable by this user alone, and never half written. */
export function writeLogin(folder: string, login: Login): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const file = join(folder, fileName)
  const draft = `${file}.${process.pid}`
  writeFileSync(draft, `${JSON.stringify(login, null, 2)}\n`, { mode: 0o600 })
  renameSync(draft, file)
}

export const removeLogin = (folder: string): void => rmSync(join(folder, fileName), { force: true })
