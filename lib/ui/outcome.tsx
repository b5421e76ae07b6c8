import type { ComponentChildren } from 'preact'
import { useCallback, useState } from 'preact/hooks'
import { wordsFor } from './api-client.js'

/** What came of something: a sentence that it is done, or why it is not. Neither, before anything was tried. */
export interface Outcome {
  readonly said: string
  readonly problem: string | undefined
}

const NOTHING: Outcome = { said: '', problem: undefined }

/** What came of the last attempt. An attempt resolves to its sentence; what it throws is the problem. */
export function useAttempts() {
  const [outcome, setOutcome] = useState(NOTHING)
  const attempt = useCallback(async (act: () => Promise<string>) => {
    try {
      setOutcome({ said: await act(), problem: undefined })
    } catch (error) {
      setOutcome({ said: '', problem: wordsFor(error) })
    }
  }, [])
  return { outcome, attempt }
}

/** Both lines, told to whoever cannot see them as they change: the one politely, the other at once. */
export function OutcomeLines({ said, problem }: Outcome) {
  return (
    <>
      <p role="status" class="said">
        {said}
      </p>
      <ProblemLine problem={problem} />
    </>
  )
}

/** Why something is not so; nothing where it is. `children` is what may be done about it. */
export function ProblemLine({ problem, children }: { problem: string | undefined; children?: ComponentChildren }) {
  if (problem === undefined) return null
  return (
    <p role="alert" class="problem">
      {problem}
      {children}
    </p>
  )
}
