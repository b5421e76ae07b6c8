/** What the process of a mixed load is to do. Passed to it as JSON. */
export interface MixedLoadPlan {
  readonly port: number
  readonly upstreamPort: number
  /** How many hosts the server has. */
  readonly names: number
  readonly calmSeconds: number
  readonly silentSeconds: number
}

/** `calm`: the upstream answers. `silent`: it reads, and says nothing. `back`: it answers again, and has been asked. */
export type Phase = 'calm' | 'silent' | 'back'

/** What it says at the end of each phase. */
export interface MixedLoadMessage {
  readonly type: 'phase'
  readonly phase: Phase
  readonly localPerSecond: number
  readonly localP50Us: number
  readonly localP99Us: number
  readonly localLost: number
  /** Queries a second for names elsewhere: with an answer, with a failure, with nothing for a second. */
  readonly foreignAnswered: number
  readonly foreignFailed: number
  readonly foreignLost: number
  /** Queries a second that the upstream has read. */
  readonly upstreamQueries: number
  /** Queries a second that were due and never sent: the load had not the CPU for them. */
  readonly skipped: number
  /** Of `back`: from when it answered again to the first answer that came of it. */
  readonly recoveryMs?: number
}
