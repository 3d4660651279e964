import { catalogue } from './catalogue.ts'

/** What the frame of every page and the overview of a project say; the others are in `zh-CN.rest.ts`. */
export default catalogue(
  import.meta.glob<{ default: object }>('./zh-CN/{common,deployments,nav,overview,reason,status}.ts', { eager: true }),
)
