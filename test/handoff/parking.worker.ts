import { parentPort, workerData } from 'node:worker_threads'
import { HandoffOwner } from '../../lib/handoff/handoff-owner.js'
import { type HandoffHandle, NONE } from '../../lib/handoff/layout.js'

/**
 * Parks queries with numbers as fast as the ring takes them, and makes sure that each comes back once, with its own verdict: as many
 * as asked for, and on until both the answer and the deadline have won often enough.
 */

export interface ParkingData {
  readonly handle: HandoffHandle
  /** How many queries at the least. */
  readonly count: number
  /** How many at the least that were answered, and that were overdue. */
  readonly each: number
}

export interface ParkingReport {
  readonly parked: number
  readonly answered: number
  readonly overdue: number
  readonly faults: readonly string[]
}

const { handle, count, each } = workerData as ParkingData
const owner = new HandoffOwner(handle)
const view = new DataView(owner.bytes.buffer)
const parkedIn = new Int32Array(handle.slotCount).fill(NONE)
const faults: string[] = []
let parked = 0
let answered = 0
let overdue = 0
let random = 7

while (wantsMore() || answered + overdue < parked) {
  while (wantsMore() && park()) parked++
  for (let slot = owner.next(performance.now()); slot !== NONE; slot = owner.next(performance.now())) collect(slot)
}
parentPort!.postMessage({ parked, answered, overdue, faults } satisfies ParkingReport)

function wantsMore(): boolean {
  return parked < count || Math.min(answered, overdue) < each
}

function park(): boolean {
  const slot = owner.claim()
  if (slot === NONE) return false
  if (parkedIn[slot] !== NONE) faults.push(`slot ${slot} was given to ${parked} while ${parkedIn[slot]} had it`)
  parkedIn[slot] = parked
  view.setInt32(owner.bodyStart(slot), parked)
  view.setInt32(owner.bodyStart(slot) + 4, NONE)
  random = (Math.imul(random, 1664525) + 1013904223) | 0
  // From overdue at once to half a millisecond.
  owner.park(slot, performance.now() + (random >>> 22) / 2048)
  return true
}

function collect(slot: number): void {
  const query = view.getInt32(owner.bodyStart(slot))
  const verdict = view.getInt32(owner.bodyStart(slot) + 4)
  if (parkedIn[slot] !== query) faults.push(`slot ${slot} came back with ${query}, and had ${parkedIn[slot]}`)
  parkedIn[slot] = NONE
  if (owner.isOverdue) overdue++
  else {
    answered++
    if (verdict !== query * 3) faults.push(`${query} got the verdict ${verdict}`)
  }
  owner.release(slot)
}
