import type { ScannerOptions, ScannerStatus, SchedulerOptions } from 'containerdns/health'
import type { Turns } from '../../support/turn-meter.js'

/** What a host is to embed. */
export interface MonitorHostTask {
  readonly scanner?: ScannerOptions
  readonly scheduler?: SchedulerOptions
  /** A DNS server that follows etcd. */
  readonly server?: { readonly hosts: string }
  /** A DNS server with so many addresses in records of its own, which it probes itself. */
  readonly probed?: { readonly count: number; readonly port: number; readonly intervalMs: number }
}

export interface ProbeFigures {
  readonly probes: number
  readonly late: number
}

/** What a host says each second. */
export interface MonitorHostMessage {
  readonly type: 'second'
  readonly scanner: ScannerStatus | undefined
  /** Addresses of which its DNS server knows whether they are alive. */
  readonly known: number
  readonly unhealthy: number
  /** Where the server probes its own records. */
  readonly probes: ProbeFigures | undefined
  /** Of its event loop, in this second. */
  readonly turns: Turns
}
