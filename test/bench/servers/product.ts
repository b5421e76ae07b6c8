import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

/** The library as built into a folder: what ships is what is measured. */
export function loadProduct(dist: string): Promise<typeof import('../../../lib/index.js')> {
  return import(pathToFileURL(resolve(dist, 'index.js')).href)
}
