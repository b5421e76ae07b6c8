import type { ErrorCode } from '../../lib/errors.js'

/** The code of the `ContainerDnsError` that a call throws; undefined when it throws none. Any other error is thrown on. */
export function errorCode(call: () => unknown): ErrorCode | undefined {
  try {
    call()
  } catch (error) {
    const code = (error as { code?: unknown }).code
    if ((error as Error).name === 'ContainerDnsError') return code as ErrorCode
    throw error
  }
  return undefined
}
