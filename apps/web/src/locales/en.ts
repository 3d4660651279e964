import { catalogue } from './catalogue.ts'

export default catalogue(import.meta.glob<{ default: object }>('./en/*.ts', { eager: true }))
