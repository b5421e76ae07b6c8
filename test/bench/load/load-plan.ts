/** What one run of the load generator is to do. Passed to its process as JSON. */
export interface LoadPlan {
  /** Left out: 127.0.0.1. */
  readonly host?: string
  readonly port: number
  /** How many hosts there are to ask for. */
  readonly names: number
  /** `local`: those that servers are given. `foreign`: as many that a forwarder must ask for elsewhere, once each. `unique`: those, a new one each time. */
  readonly asks: 'local' | 'foreign' | 'unique'
  /** Where the generator itself answers whatever it is asked; left out: nowhere. */
  readonly upstreamPort?: number
  /** `answer`: NOERROR and one record, to every query. `echo`: the query itself, as a response. */
  readonly expects: 'answer' | 'echo'
  /** Client sockets, a port each, and how many queries each has in flight at most. */
  readonly sockets: number
  readonly window: number
  readonly warmUpSeconds: number
  readonly seconds: number
  /**
   * Queries a second; 0: as many as are answered. With a rate, latency counts from when a query was due, so that a server
   * that stands still is not spared those that could not be sent meanwhile.
   */
  readonly rate: number
  /** The process whose CPU time is read when measuring begins and ends, and the core that it is bound to. */
  readonly serverPid: number
  readonly serverCore: number
}

/** What of a plan the loop itself has to know. */
export type LoadShape = Pick<LoadPlan, 'window' | 'rate' | 'expects'>

/** What was measured, all of it between the end of the warm-up and the end. */
export interface LoadResult {
  readonly seconds: number
  /** Right responses. */
  readonly responses: number
  /** Queries that nothing came back for in `TIMEOUT_MS`. */
  readonly lost: number
  /** Those of them whose response came after that, and before the end. */
  readonly late: number
  /** Responses of another kind than expected. */
  readonly wrong: number
  readonly p50Us: number
  readonly p99Us: number
  readonly maxUs: number
  readonly serverCpuMs: number
  /** What the server's core did in all, and what of it in interrupts. */
  readonly coreBusyMs: number
  readonly coreInterruptMs: number
  /** CPU time of the kernel's threads that receive what nobody's system call has received. */
  readonly softInterruptThreadsMs: number
  /** CPU time of the generator, calls that found no response left out. */
  readonly generatorCpuMs: number
}

/** What the process of the load generator says. */
export interface LoadMessage {
  readonly type: 'measured'
  readonly result: LoadResult
}

/**
 * 128 in flight in all: two batches of ours. Linux' default receive buffer, which most servers keep, was found to hold about
 * 130 small datagrams (6.x, 2026-11), so that more would measure losses of the buffer.
 */
export const SOCKETS = 32
export const WINDOW = 4

export const TIMEOUT_MS = 1000
