/** What the process that changes a cluster, and asks for what it has changed, is to do. Passed to it as JSON. */
export interface ChangeLoadPlan {
  readonly url: string
  readonly token: string
  /** PEM. */
  readonly authority: string
  /** In which there is a headless Service `<name>-<n>` for each changer. */
  readonly namespace: string
  readonly service: string
  /** How many change a slice each, one change after the other. */
  readonly changers: number
  /** Between two changes of a changer, at least. */
  readonly everyMs: number
  readonly seconds: number
  readonly servers: readonly { readonly name: string; readonly host: string; readonly port: number }[]
}

/** What it says at the end. */
export interface ChangeLoadMessage {
  readonly changesPerSecond: number
  readonly servers: readonly AskedServer[]
}

export interface AskedServer {
  readonly name: string
  readonly queriesPerSecond: number
  /** No single address, one that was not written yet, or one older than another that was answered before. */
  readonly wrong: number
  readonly firstWrong: readonly string[]
  readonly lost: number
  /** Milliseconds from the API server's response to a change until it is answered; sorted. */
  readonly sinceResponse: readonly number[]
  /** The same, from when another watch told of it; of those that were answered before that, there is none. */
  readonly sinceEvent: readonly number[]
}
