import { hostname } from 'node:os'
import { password as askPassword, text as askText, isCancel } from '@clack/prompts'
import { messageOf } from '@juanie/core/errors'
import { TRPCClientError } from '@trpc/client'
import type { Command } from 'commander'
import { api, config, connect, server, trimmed, usualUrl } from '../client.ts'
import { CommandError, exitCodes, usageError } from '../exit.ts'
import { readLogin, removeLogin, writeLogin } from '../login-file.ts'
import { ago, printJson, printTable, say } from '../output.ts'
import { readStdin } from '../stdin.ts'

export function addAuthCommands(program: Command): void {
  program
    .command('login')
    .description('Sign in and keep the login for the next commands')
    .option('--url <url>', 'address of Juanie', usualUrl)
    .option('--email <email>', 'account; it and the password are asked for on a terminal')
    .option('--password-stdin', 'read the password from standard input')
    .option('--token-stdin', 'read an access token from standard input instead of signing in with a password')
    .option('--json', 'print JSON')
    .action(login)
  program.command('logout').description('Forget the login and revoke its token').action(logout)
  program.command('whoami').description('Show who is signed in').option('--json', 'print JSON').action(whoami)

  const token = program.command('token').description('Personal access tokens, for scripts and git')
  token
    .command('create')
    .description('Make a token; it is shown once')
    .argument('<name>', 'what it is for')
    .option('--days <number>', 'days until it expires, or "never"', '90')
    .option('--json', 'print JSON')
    .action(createToken)
  token.command('list').description('List your tokens').option('--json', 'print JSON').action(listTokens)
  token.command('revoke').description('End a token at once').argument('<id>', 'id, see token list').action(revokeToken)
}

async function login(options: {
  url: string
  email?: string
  passwordStdin?: boolean
  tokenStdin?: boolean
  json?: boolean
}): Promise<void> {
  if (!/^https?:\/\/[^\s]+$/.test(options.url))
    throw usageError(`--url: "${options.url}" is no address. Example: http://127.0.0.1:3000`)
  const url = trimmed(options.url)
  if (options.tokenStdin) {
    const token = await readStdin()
    const { email } = await owner({ url, token })
    writeLogin(config.folder, { url, token, tokenId: null, email })
    return told(url, email, options.json)
  }
  const email = options.email ?? (await askEmail(options.passwordStdin))
  const password = options.passwordStdin ? await readStdin() : await ask()
  const name = `juanie login on ${hostname()}`.slice(0, 100)
  const issued = await connect({ url, token: null }).auth.login.mutate({
    email,
    password,
    token: { name, expiresInDays: 90 },
  })
  try {
    writeLogin(config.folder, { url, token: issued.token, tokenId: issued.id, email })
  } catch (error) {
    // Nobody would know the token that stays valid.
    await connect({ url, token: issued.token }).auth.tokens.revoke.mutate({ id: issued.id })
    throw new CommandError(`The login cannot be kept: ${messageOf(error)}. Set XDG_CONFIG_HOME to a folder of yours.`)
  }
  told(url, email, options.json)
}

async function owner(given: { url: string; token: string }): Promise<{ email: string }> {
  try {
    return await connect(given).auth.whoami.query()
  } catch (error) {
    if (!(error instanceof TRPCClientError) || error.data?.code !== 'UNAUTHORIZED') throw error
    throw new CommandError('The token is wrong, expired or revoked.', exitCodes.notSignedIn)
  }
}

async function askEmail(isPiped = false): Promise<string> {
  if (isPiped || !process.stdin.isTTY) throw usageError('--email: say who signs in, or use --token-stdin.')
  const answer = await askText({ message: 'E-mail address' })
  if (isCancel(answer)) throw new CommandError('Not signed in.')
  return answer.trim()
}

async function ask(): Promise<string> {
  if (!process.stdin.isTTY) throw usageError('There is no terminal to ask for the password. Use --password-stdin.')
  const answer = await askPassword({ message: 'Password' })
  if (isCancel(answer)) throw new CommandError('Not signed in.')
  return answer
}

function told(url: string, email: string, json = false): void {
  if (json) printJson({ url, email })
  else say(`Signed in to ${url} as ${email}.`)
}

async function logout(): Promise<void> {
  const login = readLogin(config.folder)
  if (!login) {
    say('You are not signed in.')
    return
  }
  removeLogin(config.folder)
  if (login.tokenId === null)
    return say('Signed out. The token that you gave is still valid; revoke it with: juanie token revoke')
  try {
    await connect(login).auth.tokens.revoke.mutate({ id: login.tokenId })
    say('Signed out.')
  } catch {
    say(`Signed out here. ${login.url} could not be told, so its token stays valid until it expires.`)
  }
}

async function whoami(options: { json?: boolean }): Promise<void> {
  const { url } = server()
  const { id, email, name } = await api().auth.whoami.query()
  if (options.json) printJson({ id, email, name, url })
  else process.stdout.write(`${email} at ${url}\n`)
}

async function createToken(name: string, options: { days: string; json?: boolean }): Promise<void> {
  const days = options.days === 'never' ? null : Number(options.days)
  if (days !== null && !Number.isInteger(days))
    throw usageError(`--days: "${options.days}" is neither a whole number nor "never".`)
  const { id, token } = await api().auth.tokens.create.mutate({ name, expiresInDays: days })
  if (options.json) return printJson({ id, token })
  process.stdout.write(`${token}\n`)
  say('Keep it now: it is not shown again. Git takes it as the password, with any user name.')
}

async function listTokens(options: { json?: boolean }): Promise<void> {
  const rows = []
  for (let after: string | undefined; ; ) {
    const page = await api().auth.tokens.list.query({ after })
    rows.push(...page.rows)
    if (!page.next) break
    after = page.next
  }
  if (options.json) return printJson(rows)
  printTable(
    ['ID', 'NAME', 'TOKEN', 'EXPIRES', 'LAST USED'],
    rows.map((row) => [
      row.id,
      row.name,
      `${row.prefix}…`,
      row.expiresAt ? new Date(row.expiresAt).toISOString().slice(0, 10) : 'never',
      ago(row.lastUsedAt),
    ]),
    'You have no tokens. Make one with: juanie token create <name>',
  )
}

async function revokeToken(id: string): Promise<void> {
  await api().auth.tokens.revoke.mutate({ id })
  say('Revoked. Whatever used it is refused from now on.')
}
