import { catalogue } from './catalogue.ts'

export default catalogue(import.meta.glob<{ default: object }>('./zh-CN/*.ts', { eager: true }))
