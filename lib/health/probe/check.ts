/** How it is found out whether an address is alive. Plain objects: they are posted to the probe thread. */
export type Check = TcpCheck | HttpCheck | IcmpCheck | DnsCheck | HookCheck

export interface TcpCheck {
  readonly type: 'tcp'
  /** For targets that bring none of their own; may be empty. */
  readonly ports: readonly number[]
  readonly require: 'any' | 'all'
}

export interface HttpCheck {
  readonly type: 'http'
  readonly port: number
  readonly path: string
  readonly tls: boolean
  /** What the backend is asked as; undefined: its address. */
  readonly host: string | undefined
  readonly statuses: readonly number[] | undefined
  /** What the body must hold. */
  readonly body: string | undefined
  readonly verifyCertificate: boolean
}

export interface IcmpCheck {
  readonly type: 'icmp'
}

export interface DnsCheck {
  readonly type: 'dns'
  readonly port: number
  /** The query, but for its ID. */
  readonly query: Uint8Array
  /** Those of them that say that it is alive. */
  readonly rcodes: readonly number[]
}

export interface HookCheck {
  readonly type: 'hook'
}

/** What targets have in common. */
export interface ProbeProfile {
  /** Undefined: such targets are left alone. */
  readonly check: Check | undefined
  readonly intervalMs: number
  readonly timeoutMs: number
  /** Probes in a row that must succeed until an address that was unhealthy is healthy. */
  readonly rise: number
  /** Probes in a row that must fail until an address is unhealthy. */
  readonly fall: number
}

/** One address to probe. */
export interface ProbeTarget {
  readonly id: number
  readonly address: string
  /** Which of the profiles it goes by. */
  readonly profile: number
  /** Those of a TCP check, if they are not the check's own. */
  readonly ports: readonly number[]
}

/** What came of one probe. `unsure`: it failed on this side, which says nothing about the target. */
export type ProbeOutcome = 'alive' | 'dead' | 'unsure'

/** Called once. `reason` says why it is not alive. */
export type OnOutcome = (outcome: ProbeOutcome, reason: string) => void

/** A probe under way. */
export interface RunningProbe {
  /** Gives up and closes what is open; `OnOutcome` is not called any more. */
  cancel(): void
}

/** Errors of this machine, not of the target's: it has run out of something, or has no way there at all. */
const OWN_FAILURES: ReadonlySet<string> = new Set([
  'EMFILE',
  'ENFILE',
  'ENOBUFS',
  'ENOMEM',
  'EADDRNOTAVAIL',
  'EADDRINUSE',
  'EACCES',
  'EPERM',
  'ENETUNREACH',
  'ENETDOWN',
  'EAFNOSUPPORT',
])

/** What a failed call of the system's says of the target. */
export function outcomeOf(code: string | undefined): ProbeOutcome {
  return code !== undefined && OWN_FAILURES.has(code) ? 'unsure' : 'dead'
}
