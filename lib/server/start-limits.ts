import { ContainerDnsError } from '../errors.js'

/** Throws CDNS_ABORTED for a signal that has been aborted: of that, no event comes any more. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw aborted(signal)
}

/** What ends a start that takes too long, or is not wanted any more. */
export interface StartLimits {
  readonly signal: AbortSignal | undefined
  readonly timeoutMs: number
  /** What the start is rejected with when the time is over. */
  readonly timeout: () => Error
}

/** Waits for a start. Rejects with the limit that comes first; the start itself goes on, and nobody hears how it ends. */
export async function withinTime(work: Promise<unknown>, limits: StartLimits): Promise<void> {
  const { signal, timeoutMs, timeout } = limits
  let cleanUp = () => {}
  const limit = new Promise<never>((_, reject) => {
    const timer = setTimeout(() => reject(timeout()), timeoutMs)
    const onAbort = () => reject(aborted(signal!))
    signal?.addEventListener('abort', onAbort)
    cleanUp = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
  })
  try {
    await Promise.race([work, limit])
  } finally {
    cleanUp()
    // When the limit was first, closing makes this fail too, and nobody waits for it any more.
    work.catch(() => {})
  }
}

function aborted(signal: AbortSignal): ContainerDnsError {
  return new ContainerDnsError('CDNS_ABORTED', 'the signal that was passed in has been aborted', {
    cause: signal.reason,
  })
}
