import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ContainerDnsError, type ErrorCode } from '../errors.js'

/** Rejects with CDNS_HOOK_MODULE_FAILED where a hook's module is no file that can be read. It is not run. */
export async function findModule(hook: string, url: string): Promise<void> {
  if (!url.startsWith('file:')) return
  try {
    const path = fileURLToPath(url)
    await isThere(path)
    await access(path, constants.R_OK)
  } catch (cause) {
    const message = `hooks.${hook}: ${url} cannot be imported: ${(cause as Error).message}`
    throw new ContainerDnsError('CDNS_HOOK_MODULE_FAILED', message, { cause })
  }
}

/** Rejects with a code where no line could be added to a file. The file is not made. */
export async function refuseUnwritable(code: ErrorCode, option: string, file: string): Promise<void> {
  try {
    if (await isThere(file)) await access(file, constants.W_OK)
    // A file that is to be made takes a folder that lets us.
    else await access(dirname(file), constants.W_OK | constants.X_OK)
  } catch (cause) {
    throw new ContainerDnsError(code, `${option}: ${file} cannot be opened: ${(cause as Error).message}`, { cause })
  }
}

/** Rejects where it is a folder. */
async function isThere(path: string): Promise<boolean> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (found?.isDirectory()) throw new Error('it is a folder')
  return found !== undefined
}
