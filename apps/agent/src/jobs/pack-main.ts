import { existsSync, statSync } from 'node:fs'
import { BundleError, packFolder } from '@juanie/core/bundle'
import { describedBy } from '@juanie/core/description-files'

/**
 * Packs a folder as the user who runs this sees it, and reads the texts that say what the application is:
 * `node pack.mjs <folder> <workspace> <bundle> <exclude>…`. Prints `Packing` as JSON.
 */
export interface Packing {
  error: string | null
  digest: string
  bytes: number
  listing: string[]
  description: Record<string, string>
}

const [folder = '', workspace = '', bundle = '', ...exclude] = process.argv.slice(2)
const packing: Packing = { error: null, digest: '', bytes: 0, listing: [], description: {} }
try {
  if (!existsSync(folder) || !statSync(folder).isDirectory())
    throw new BundleError(`cannot be made: there is no folder ${folder}`)
  Object.assign(packing, await packFolder(folder, bundle, { exclude }))
  packing.description = describedBy(folder)
  const saysHow = Object.keys(packing.description).some((name) => /^(compose|docker-compose)|^Procfile$/.test(name))
  if (!saysHow && workspace !== folder) {
    const above = describedBy(workspace)
    if (Object.keys(above).some((name) => /^(compose|docker-compose)|^Procfile$/.test(name)))
      packing.description = { ...packing.description, ...above }
  }
} catch (error) {
  packing.error = `The bundle ${(error as Error).message}`
  if (!(error instanceof BundleError)) packing.error = `The folder cannot be packed: ${(error as Error).message}`
}
process.stdout.write(JSON.stringify(packing))
