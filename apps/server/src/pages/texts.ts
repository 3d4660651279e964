import type { Html } from './html.ts'
import { html } from './html.ts'

const en = {
  name: 'English',
  tag: 'en',
  title: 'Juanie',
  tagline: 'A push becomes a healthy URL, or comes back by itself.',
  language: 'Language',
  email: 'E-mail address',
  password: 'Password',
  newPassword: 'Choose a password',
  passwordHint: 'At least 8 characters.',
  yourName: 'Your name',
  signIn: 'Sign in',
  signOut: 'Sign out',
  signedInAs: (email: string) => html`Signed in as <strong>${email}</strong>`,
  notSetUp: 'This installation has no administrator yet.',
  notSetUpHint:
    'Open the link that the start printed on the terminal. Lost it? Start Juanie again: it prints a new one.',
  setupTitle: 'Set up the first administrator',
  setupIntro: (organization: string) =>
    html`This account looks after the installation and owns the organization <strong>${organization}</strong>. The link works once.`,
  create: 'Create the account',
  inviteTitle: (organization: string) => `Join ${organization}`,
  inviteIntro: (email: string, role: string) =>
    html`<strong>${email}</strong> was invited as <strong>${role}</strong>.`,
  inviteNew: 'Say your name and choose a password.',
  inviteSignIn: 'There is an account with this address. Sign in with its password to accept.',
  accept: 'Accept the invitation',
  otherAccount: (email: string) =>
    html`<strong>${email}</strong> is signed in. Sign out first, then open this link again.`,
  roles: { owner: 'owner', developer: 'developer', viewer: 'viewer' },
  linkGone: 'This link does not work',
  home: 'To the start page',
  next: 'What to do next',
  organizations: 'Your organizations',
  stepCommand: 'Put the command within reach',
  stepCommandHint: 'Once on this machine, in a folder of your PATH.',
  stepLogin: 'Sign in on the terminal',
  stepLoginHint: 'It asks for your password and keeps a token.',
  stepProject: 'Create a project',
  stepProjectHint: 'Templates: node, static, python, or empty for code that you have.',
  stepPush: 'Clone it, change something, push',
  stepPushHint: html`git asks for a user name and a password: any name, and a token from <code>juanie token create</code>.`,
  stepWatch: 'Watch the run and open the URL',
  stepWatchHint: html`dev follows the default branch. <code>juanie promote dev</code> takes what serves there on to staging.`,
  onTerminal: 'On the terminal',
  watchRun: 'Watch the run',
  readLogs: 'Read its logs',
  statuses: {
    created: 'created',
    blocked: 'blocked',
    pending: 'pending',
    queued: 'queued',
    leased: 'starting',
    running: 'running',
    succeeded: 'succeeded',
    failed: 'failed',
    canceled: 'canceled',
    timed_out: 'timed out',
    lost: 'lost',
    skipped: 'skipped',
    superseded: 'superseded',
    invalid: 'invalid',
  } as Record<string, string>,
  copy: 'Copy',
  copied: 'Copied',
  problem: 'That did not work',
  foreign: 'This form was sent from another site. Open the page here and try again.',
  fields: {
    email: 'Give an e-mail address like ada@example.com.',
    name: 'Say a name of at most 100 characters.',
    password: 'Use 8 to 256 characters.',
  },
  reasons: {
    'session.wrong_password': 'The e-mail address or the password is wrong.',
    'session.too_many_attempts': 'Too many wrong passwords. Wait some minutes, then try again.',
    'session.busy': 'Too many people are signing in. Try again in a few seconds.',
    'user.email_taken': 'There is an account with this address already. Sign in with it.',
    'organization.slug_taken': 'There is an organization of this name already.',
    'invitation.other_address': 'This invitation is for another address than the one that is signed in.',
    'invitation.already_member': 'This address belongs to the organization already.',
    'invitation.not_found': 'This invitation was used, replaced or has expired. Ask for a new one.',
    'setup.link_gone':
      'This link was used, replaced or has expired. Start Juanie again: it prints a new one where one is needed.',
    unknown: 'Something went wrong inside Juanie. Its log says what.',
  } as Record<string, string>,
}

export type Texts = { [K in keyof typeof en]: (typeof en)[K] }

const zh: Texts = {
  name: '简体中文',
  tag: 'zh-CN',
  title: 'Juanie',
  tagline: '推送代码，得到一个健康的网址；若不健康，则自动回退。',
  language: '语言',
  email: '电子邮箱',
  password: '密码',
  newPassword: '设置密码',
  passwordHint: '至少 8 个字符。',
  yourName: '您的姓名',
  signIn: '登录',
  signOut: '退出登录',
  signedInAs: (email) => html`当前登录：<strong>${email}</strong>`,
  notSetUp: '此系统还没有管理员。',
  notSetUpHint: '请打开启动时在终端显示的链接。链接丢失时，请重新启动 Juanie，它会显示一个新链接。',
  setupTitle: '创建首位管理员',
  setupIntro: (organization) =>
    html`此账号管理整个系统，并且是组织 <strong>${organization}</strong> 的所有者。此链接只能使用一次。`,
  create: '创建账号',
  inviteTitle: (organization) => `加入 ${organization}`,
  inviteIntro: (email, role) => html`<strong>${email}</strong> 受邀成为<strong>${role}</strong>。`,
  inviteNew: '请填写姓名并设置密码。',
  inviteSignIn: '此邮箱已有账号。请输入其密码登录并接受邀请。',
  accept: '接受邀请',
  otherAccount: (email) => html`当前登录的是 <strong>${email}</strong>。请先退出登录，再打开此链接。`,
  roles: { owner: '所有者', developer: '开发者', viewer: '查看者' },
  linkGone: '此链接无法使用',
  home: '返回首页',
  next: '接下来做什么',
  organizations: '您的组织',
  stepCommand: '让命令随处可用',
  stepCommandHint: '在本机执行一次，链接到 PATH 中的目录。',
  stepLogin: '在终端登录',
  stepLoginHint: '命令会询问密码，并保存一个令牌。',
  stepProject: '创建项目',
  stepProjectHint: '模板：node、static、python；已有代码时用 empty。',
  stepPush: '克隆、修改、推送',
  stepPushHint: html`git 会询问用户名和密码：用户名任意，密码是 <code>juanie token create</code> 给出的令牌。`,
  stepWatch: '观察运行，打开网址',
  stepWatchHint: html`dev 跟随默认分支。<code>juanie promote dev</code> 将正在服务的版本晋级到 staging。`,
  onTerminal: '在终端',
  watchRun: '观察此运行',
  readLogs: '查看日志',
  statuses: {
    created: '已创建',
    blocked: '被阻止',
    pending: '等待中',
    queued: '排队中',
    leased: '正在启动',
    running: '运行中',
    succeeded: '成功',
    failed: '失败',
    canceled: '已取消',
    timed_out: '超时',
    lost: '已丢失',
    skipped: '已跳过',
    superseded: '已被取代',
    invalid: '无效',
  },
  copy: '复制',
  copied: '已复制',
  problem: '操作未成功',
  foreign: '此表单来自其他网站。请在这里打开页面后重试。',
  fields: {
    email: '请填写形如 ada@example.com 的电子邮箱。',
    name: '请填写姓名，最多 100 个字符。',
    password: '请使用 8 到 256 个字符。',
  },
  reasons: {
    'session.wrong_password': '电子邮箱或密码不正确。',
    'session.too_many_attempts': '密码错误次数过多。请等待几分钟后重试。',
    'session.busy': '登录人数过多。请几秒后重试。',
    'user.email_taken': '此邮箱已有账号，请直接登录。',
    'organization.slug_taken': '已有同名的组织。',
    'invitation.other_address': '此邀请属于另一个邮箱，而不是当前登录的邮箱。',
    'invitation.already_member': '此邮箱已经是该组织的成员。',
    'invitation.not_found': '此邀请已被使用、被替换或已过期。请重新索取邀请。',
    'setup.link_gone': '此链接已被使用、被替换或已过期。需要时，重新启动 Juanie 会显示一个新链接。',
    unknown: 'Juanie 内部出错，详情见其日志。',
  },
}

export const languages = { en, 'zh-CN': zh } as const
export type Language = keyof typeof languages

export const isLanguage = (tag: unknown): tag is Language => typeof tag === 'string' && Object.hasOwn(languages, tag)

/** The first language of `Accept-Language` that there is, by its weights (https://www.rfc-editor.org/rfc/rfc9110#field.accept-language). */
export function preferred(header: string | undefined): Language {
  const wanted = (header ?? '')
    .slice(0, 500)
    .split(',')
    .map((entry) => {
      const [tag = '', ...parameters] = entry.trim().toLowerCase().split(';')
      const weight = parameters.map((parameter) => /^\s*q=([\d.]+)$/.exec(parameter)?.[1]).find(Boolean)
      return { tag, weight: weight === undefined ? 1 : Number(weight) }
    })
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => b.weight - a.weight)
  for (const { tag } of wanted) {
    if (tag === 'zh' || tag.startsWith('zh-')) return 'zh-CN'
    if (tag === 'en' || tag.startsWith('en-')) return 'en'
  }
  return 'en'
}

export type Sentence = Html | string
