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
  signInTitle: 'Sign in to Juanie',
  signInIntro: 'With the address and the password of your account.',
  signInNext: 'Then you are taken to the page that you asked for.',
  signOut: 'Sign out',
  notSetUpTitle: 'Almost there',
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
  unreadable: 'Its address cannot be read. Check how it was copied, or go to the start page.',
  home: 'To the start page',
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
  signInTitle: '登录 Juanie',
  signInIntro: '请使用账号的邮箱和密码登录。',
  signInNext: '登录后将转到您要访问的页面。',
  signOut: '退出登录',
  notSetUpTitle: '即将就绪',
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
  unreadable: '无法读取它的地址。请检查复制是否完整，或前往首页。',
  home: '返回首页',
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
