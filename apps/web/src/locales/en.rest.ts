import { catalogue } from './catalogue.ts'

/** What all pages say that `en.ts` leaves out. */
export default catalogue(
  import.meta.glob<{ default: object }>(['./en/*.ts', '!./en/{common,deployments,nav,overview,reason,status}.ts'], {
    eager: true,
  }),
)
