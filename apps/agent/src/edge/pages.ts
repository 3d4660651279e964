/** What the edge says itself, in both languages of the product, as a page or as plain text. */
export interface Page {
  status: number
  /** Sent as `Juanie-Edge`, so that an answer of the edge is told from one of the application. */
  reason: string
  words: { lang: string; title: string; text: string }[]
  retryAfterSeconds?: number
}

const page = (
  status: number,
  reason: string,
  [en, zh]: [[string, string], [string, string]],
  retry?: number,
): Page => ({
  status,
  reason,
  words: [
    { lang: 'en', title: en[0], text: en[1] },
    { lang: 'zh-Hans', title: zh[0], text: zh[1] },
  ],
  ...(retry === undefined ? {} : { retryAfterSeconds: retry }),
})

export const pages = {
  unknownHost: page(404, 'unknown-host', [
    ['No such application', 'No application is served under this hostname. Check the address.'],
    ['没有此应用', '该主机名下没有任何应用，请检查地址是否正确。'],
  ]),
  unavailable: page(
    503,
    'unavailable',
    [
      ['Not available', 'No healthy version of this application is running at the moment. Try again shortly.'],
      ['暂不可用', '该应用目前没有健康的版本在运行，请稍后再试。'],
    ],
    10,
  ),
  starting: page(
    503,
    'starting',
    [
      ['Starting', 'This application is starting. Try again in a few seconds.'],
      ['正在启动', '该应用正在启动，请几秒后再试。'],
    ],
    2,
  ),
  noAnswer: page(
    502,
    'no-answer',
    [
      [
        'The application does not answer',
        'The application could not be reached or broke off its answer. Try again shortly.',
      ],
      ['应用没有响应', '无法连接该应用，或应用中断了响应，请稍后再试。'],
    ],
    1,
  ),
  tooSlow: page(504, 'too-slow', [
    ['The application takes too long', 'The application accepted the request and did not answer in time.'],
    ['应用响应超时', '应用已接收请求，但未在规定时间内作出响应。'],
  ]),
  badRequest: page(400, 'bad-request', [
    ['Bad request', 'The request is malformed, or does not name exactly one host.'],
    ['错误的请求', '请求格式有误，或没有指明唯一的主机。'],
  ]),
  notSupported: page(501, 'not-supported', [
    ['Not supported', 'The edge does not support this transfer coding or method.'],
    ['不支持', '边缘代理不支持该传输编码或方法。'],
  ]),
} as const

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const escaped = (text: string) => text.replace(/[&<>"]/g, (found) => escapes[found]!)

const style =
  'body{font:16px/1.5 system-ui,sans-serif;margin:15vh auto 0;max-width:36rem;padding:0 1.5rem;color:#1c1e21;background:#fff}' +
  'h1{font-size:1.4rem;margin:0 0 .3rem}section+section{margin-top:2rem}p{margin:0;color:#4a4f57}' +
  '@media(prefers-color-scheme:dark){body{color:#e8eaed;background:#16181b}p{color:#a9afb8}}'

/** The body and its headers; `accept` is the client's header. */
export function renderPage({ status, reason, words, retryAfterSeconds }: Page, accept: string | undefined) {
  const isHtml = accept?.includes('text/html') === true
  const sections = words.map(({ lang, title, text }) =>
    isHtml
      ? `<section lang="${lang}"><h1>${escaped(title)}</h1><p>${escaped(text)}</p></section>`
      : `${title}${lang === 'en' ? '. ' : '。'}${text}`,
  )
  const html = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${status} ${escaped(words[0]?.title ?? '')}</title><style>${style}</style>${sections.join('')}</html>\n`
  const body = Buffer.from(isHtml ? html : `${sections.join('\n')}\n`)
  const headers = ['Content-Type', `text/${isHtml ? 'html' : 'plain'}; charset=utf-8`]
  headers.push('Content-Length', String(body.length), 'Cache-Control', 'no-store', 'Juanie-Edge', reason)
  if (retryAfterSeconds !== undefined) headers.push('Retry-After', String(retryAfterSeconds))
  return { status, headers, body }
}
