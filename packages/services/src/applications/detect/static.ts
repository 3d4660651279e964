import type { Detected } from '../contract.ts'
import type { Folder } from './folder.ts'

/** A site of files. A single page with its script bundle answers every path, as its router expects. */
export function staticSite(folder: Folder, root: string, because: string): Detected {
  const inside = (path: string) => (root === '.' ? path : `${root}/${path}`)
  const pages = folder.paths().filter((path) => path.endsWith('.html') && (root === '.' || path.startsWith(`${root}/`)))
  const page = pages.length === 1 ? folder.read(inside('index.html')) : null
  const isSinglePage = page !== null && /<script[^>]+src="[^"]*(assets|static\/js|main|index)[^"]*\.js"/.test(page)
  return staticRoot(root, isSinglePage, because)
}

export const staticRoot = (root: string, isSinglePage: boolean, because: string): Detected => ({
  language: 'static',
  because,
  command: { kind: 'static', root, fallback: isSinglePage ? 'index.html' : null },
  environment: {},
})
