import { useEffect, useRef, useState } from 'preact/hooks'
import { type ApiClient, wordsFor } from './api-client.js'

export interface Polled<T> {
  /** The last that came; it stays while the server does not answer. */
  readonly value: T | undefined
  /** Why there is nothing newer. */
  readonly problem: string | undefined
}

/** Asks for the same again and again, `everyMs` after each answer, while somebody can see the page. */
export function usePolled<T>(api: ApiClient, path: string, everyMs: number, onValue?: (value: T) => void): Polled<T> {
  const [polled, setPolled] = useState<Polled<T>>({ value: undefined, problem: undefined })
  const latestOnValue = useRef(onValue)
  latestOnValue.current = onValue
  useEffect(() => {
    const abort = new AbortController()
    const { signal } = abort
    const run = async () => {
      while (!signal.aborted) {
        try {
          const value = await api.get<T>(path, signal)
          latestOnValue.current?.(value)
          setPolled({ value, problem: undefined })
        } catch (error) {
          if (signal.aborted) return
          setPolled(({ value }) => ({ value, problem: wordsFor(error) }))
        }
        await pause(everyMs, signal)
        await untilVisible(signal)
      }
    }
    void run()
    return () => abort.abort()
  }, [api, path, everyMs])
  return polled
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = window.setTimeout(resolve, ms)
    signal.addEventListener('abort', () => {
      window.clearTimeout(timer)
      resolve()
    })
  })
}

function untilVisible(signal: AbortSignal): Promise<void> {
  if (!document.hidden || signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    document.addEventListener('visibilitychange', () => resolve(), { once: true, signal })
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
