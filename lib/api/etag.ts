import { createHash } from 'node:crypto'
import { ContainerDnsError } from '../errors.js'
import type { RRset } from '../records/rrset.js'

/**
 * What tells one state of an RRset from another: a hash of all that it says, the same in every process and whatever store it is in.
 * Where it came back to a state that it has had, whoever has seen that state has missed nothing.
 */
export function etagOf(rrset: RRset): string {
  const { name, type, ttl, view, selection, fallback, owner } = rrset
  const items = (rrset.data as unknown[]).map((item) => JSON.stringify(sortedKeys(item)))
  // A set has no order, unless it is said that the order counts.
  const data = selection?.policy === 'ordered' ? items : items.sort()
  const said = [name, type, ttl, view, sortedKeys(selection), sortedKeys(fallback), owner, data]
  return `"${createHash('sha256').update(JSON.stringify(said)).digest('base64url').slice(0, 27)}"`
}

/** What a request demands of the state that it finds. */
export interface Precondition {
  readonly ifMatch: string | undefined
  readonly ifNoneMatch: string | undefined
}

/** RFC 9110 §13.1.1 and §13.1.2, for a change. Throws CDNS_PRECONDITION_FAILED. */
export function requireState({ ifMatch, ifNoneMatch }: Precondition, current: RRset | undefined): void {
  if (ifMatch !== undefined && (current === undefined || !names(ifMatch, etagOf(current)))) {
    throw failed(current === undefined ? 'there is no such RRset' : 'the RRset has been changed since')
  }
  if (ifNoneMatch !== undefined && current !== undefined && names(ifNoneMatch, etagOf(current))) {
    throw failed('there is such an RRset already')
  }
}

/** Whether a header of If-Match or If-None-Match has this tag among its own. Tags of ours have no commas. */
export function names(header: string, etag: string): boolean {
  return header.split(',').some((each) => each.trim() === '*' || each.trim() === etag)
}

function failed(message: string): ContainerDnsError {
  return new ContainerDnsError('CDNS_PRECONDITION_FAILED', message)
}

function sortedKeys(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, each]) => each !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, each]) => [key, sortedKeys(each)]),
  )
}
