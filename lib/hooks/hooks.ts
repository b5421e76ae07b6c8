import type { HealthChange } from '../health/health.js'
import type { HealthState } from '../health/layout.js'
import type { CheckHealth } from '../health/probe/health-hook.js'
import type { Protocol } from '../transport/datagram-transport.js'
import type { RecordData } from '../wire/rdata/record-data.js'

/**
 * A host's part in answering. Each is a function, called on the thread that has made the server, or a module: its URL, or its path. A
 * module exports a function of the hook's name, or a default one, and is called in the threads that answer; docs/hooks.md compares the two.
 *
 * A hook must return at once: no promise. One that throws, returns what makes no sense, or is late costs its query a fallback answer.
 */
export interface HookOptions {
  selectBackend?: Hooks['selectBackend'] | URL | string
  onQuery?: Hooks['onQuery'] | URL | string
  onResponse?: Hooks['onResponse'] | URL | string
  /** Whether an address is alive, asked by probes; may return a promise. A module is called in the probe thread. */
  checkHealth?: CheckHealth | URL | string
  /** A function only. */
  onHealthChange?: Hooks['onHealthChange']
}

/** What hooks are called with, and what they return. */
export interface Hooks {
  /**
   * Chooses among the backends of an A, AAAA or SRV answer, where there are two or more: the indexes of those to answer, in order,
   * at least one, each once. Fallback: the choice that is made without a hook.
   */
  selectBackend?(query: HookQuery, backends: readonly Backend[]): readonly number[]
  /** Decides over a query before it is looked up. Fallback: `continue`. */
  onQuery?(query: HookQuery): HookVerdict
  /** Sees what was answered. As a function it comes later, and not at all when the host cannot keep up. */
  onResponse?(query: HookQuery, response: HookResponse): void
  /** The health of an address has changed. Called on the thread that has made the server. */
  onHealthChange?(change: HealthChange): void
}

/** `continue`: answer as ever. `drop`: say nothing. `refuse`: say REFUSED. */
export type HookVerdict = 'continue' | 'drop' | 'refuse' | HookAnswer

export interface HookQuery {
  /** In lower case, without a dot at its end. */
  readonly name: string
  /** As in an RRset, or `ANY`; other types by number: `TYPE43`. */
  readonly type: string
  /** The client's address; for `ContainerDns.query()`, the one that it was given, if any. */
  readonly client: string | undefined
  /** The view whose records the client sees, or `default`. */
  readonly view: string
  /** Undefined for `ContainerDns.query()`. */
  readonly protocol: Protocol | undefined
}

/** A record of A or AAAA, which has an `address`, or of SRV, which has a `target`, a `port` and a `priority`. */
export interface Backend {
  readonly address?: string
  readonly target?: string
  readonly port?: number
  readonly priority?: number
  /** 1 where the record has none. */
  readonly weight: number
  readonly health: HealthState
}

/** An answer that a hook gives itself. It is authoritative, and not looked up anywhere. */
export interface HookAnswer {
  /** Default NOERROR. */
  readonly rcode?: 'NOERROR' | 'NXDOMAIN' | 'SERVFAIL' | 'REFUSED'
  /** Seconds; default 0, so that the next query asks the hook again. */
  readonly ttl?: number
  /** Data as in an RRset of the type that was asked for; default none. */
  readonly answer?: readonly RecordData[]
}

export interface HookResponse {
  /** Mnemonic, as IANA has it. */
  readonly rcode: string
  /** TC: something was left out for want of room. */
  readonly truncated: boolean
  /** Records in the answer section. */
  readonly answers: number
  readonly sizeBytes: number
}

/** The hooks that queries meet, in the order in which they do. */
export const QUERY_HOOKS = ['onQuery', 'selectBackend', 'onResponse'] as const
export type QueryHook = (typeof QUERY_HOOKS)[number]
