import type { CounterTotals, MetricsOptions, XdpOptions } from '../../../lib/index.js'
import type { LoadReport } from './record-loader.js'

/** How our server is to be started; passed to its process as JSON. */
export interface OurServerPlan {
  /** The folder of the build. */
  readonly dist: string
  /** Left out: 127.0.0.1. */
  readonly host?: string
  readonly port: number
  readonly workers: number
  readonly transport: 'batch' | 'dgram' | 'xdp'
  /** For the transport of this name. */
  readonly xdp?: XdpOptions
  /** Hosts to put as soon as it has started. */
  readonly names: number
  /** Forwards to this port of 127.0.0.1 what is not in its zone. */
  readonly upstreamPort?: number
  /** `clientHash`, views, cookies and limits switched on; none of them refuses anything. */
  readonly isAllOn?: boolean
  /** What is counted of names and clients; left out: all of it. */
  readonly metrics?: MetricsOptions
  /** Takes records from etcd at this address, and puts none. */
  readonly etcd?: string
}

/** What the process is told. */
export type OurServerCommand =
  | { readonly type: 'load' }
  | { readonly type: 'stats' }
  | { readonly type: 'write'; readonly plan: WritePlan }
  | { readonly type: 'stopWriting' }

/** What the process says. */
export type OurServerMessage =
  | { readonly type: 'loaded'; readonly load: LoadReport }
  | { readonly type: 'stats'; readonly stats: IndexStats }
  | { readonly type: 'writing' }
  | { readonly type: 'written'; readonly report: WriteReport }

export interface IndexStats {
  readonly names: number
  readonly usedBytes: number
  readonly allocatedBytes: number
  readonly counters: CounterTotals
}

/** Writes to keep up through `records.put`, one RRset each. */
export interface WritePlan {
  readonly perSecond: number
  /** `new`: names that nobody asks for, in a ring. `asked`: the hosts that the load asks for, with other addresses. */
  readonly names: 'new' | 'asked'
}

export interface WriteReport {
  readonly perSecond: number
  /** From the call until it resolved. */
  readonly p50Ms: number
  readonly p99Ms: number
  readonly failed: number
}
