import type { TemplateName } from '@juanie/services/templates/contract'

/** In the order in which they are offered, with the files that each begins with. */
export const templates: Record<TemplateName, readonly string[]> = {
  node: ['server.js', 'server.test.js', 'package.json', 'compose.yaml'],
  python: ['server.py', 'test_server.py', 'requirements.txt', 'compose.yaml'],
  static: ['index.html', 'style.css'],
  empty: [],
}
export const templateOrder = Object.keys(templates) as TemplateName[]
