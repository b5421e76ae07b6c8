import { readFileSync } from 'node:fs'
import type { ProbeProfile, ProbeTarget } from './check.js'

/** Of the files that the process may have open, what probes may have: the rest is the host's, for its clients, its log and etcd. */
const SHARE = 0.5

/** How many sockets probes may have open at a time. Without a limit that this machine tells of: any number. */
export function socketBudget(limits = readLimits()): number {
  const limit = /^Max open files\s+(\d+)/m.exec(limits)?.[1]
  return limit === undefined ? Number.POSITIVE_INFINITY : Math.max(1, Math.floor(SHARE * Number(limit)))
}

/** How many sockets of its own a probe opens. */
export function socketsOf(target: Pick<ProbeTarget, 'ports'>, { check }: Pick<ProbeProfile, 'check'>): number {
  switch (check?.type) {
    case 'tcp':
      return target.ports.length > 0 ? target.ports.length : check.ports.length
    case 'http':
    case 'dns':
      return 1
    // ICMP has one socket for all; what a hook opens is not known.
    case 'icmp':
    case 'hook':
    case undefined:
      return 0
    default:
      return check satisfies never
  }
}

function readLimits(): string {
  try {
    return readFileSync('/proc/self/limits', 'latin1')
  } catch {
    // Not Linux.
    return ''
  }
}
