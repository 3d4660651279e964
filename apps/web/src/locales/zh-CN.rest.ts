import { catalogue } from './catalogue.ts'

/** What all pages say that `zh-CN.ts` leaves out. */
export default catalogue(
  import.meta.glob<{ default: object }>(
    ['./zh-CN/*.ts', '!./zh-CN/{common,deployments,nav,overview,reason,status}.ts'],
    { eager: true },
  ),
)
