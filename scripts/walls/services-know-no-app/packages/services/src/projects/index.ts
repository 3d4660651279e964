import { thing } from '../../../../apps/server/src/app.ts'

export const used = thing
