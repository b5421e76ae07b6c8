import { setImmediate as nextTurn } from 'node:timers/promises'
import { callHost } from '../errors.js'
import { Bell, createBell } from '../handoff/bell.js'
import { HandoffTaker } from '../handoff/handoff-taker.js'
import { createHandoff, type HandoffHandle, NONE } from '../handoff/layout.js'
import type { HealthChange } from '../health/health.js'
import { HEADER_SIZE, MAX_MESSAGE_SIZE } from '../wire/constants.js'
import { readBackends } from './backends.js'
import type { FaultReports } from './fault-reports.js'
import { callOnQuery, callOnResponse, callSelectBackend, Outcome } from './hook-calls.js'
import { hookQuery, hookResponse, protocolOf } from './hook-query.js'
import { HookSlot, QUERY_SLOT_BYTES, RESPONSE_SLOT_BYTES, SlotKind } from './hook-slot.js'
import { type HookQuery, type Hooks, QUERY_HOOKS } from './hooks.js'
import type { HookModules } from './options.js'
import type { ParkingTask } from './thread-hooks.js'

/** What a thread is told of hooks. A plain object: it is posted to the thread. */
export interface HookTask {
  readonly modules: HookModules
  /** Whether the thread must not serve without the modules. */
  readonly mustImport: boolean
  readonly guard: SharedArrayBuffer
  /** The names of views, by their numbers. */
  readonly views: readonly string[]
  readonly parking?: ParkingTask
}

/** Queries of one thread that wait at a time: at 50 ms each, a host that is blocked holds 5 000 a second; all others pass at once. */
export const PARKED_QUERIES = 256
/** Responses of one thread that the host has not been told of. */
const PARKED_RESPONSES = 256

/** How long the host's event loop is kept from everything else in one piece; one call may take longer. */
const SLICE_MS = 5

/** A ring, and how its owner is woken. */
interface Desk {
  readonly taker: HandoffTaker
  readonly slot: HookSlot
  readonly wake: () => void
}

/** Calls the host's functions for queries that threads have parked. Main thread. */
export class FunctionHooks {
  readonly #hooks: Hooks
  readonly #faults: FaultReports
  readonly #timeoutMs: number
  readonly #views: readonly string[]
  readonly #bellMemory = createBell()
  readonly #bell = new Bell(this.#bellMemory)
  readonly #desks = new Map<number, readonly Desk[]>()
  /** Until the first thread parks. */
  #isListening = false
  #isClosed = false
  readonly #chosen = new Uint16Array(MAX_MESSAGE_SIZE)

  /** `views` are the names of views, by their numbers. */
  constructor(hooks: Hooks, timeoutMs: number, views: readonly string[], faults: FaultReports) {
    this.#hooks = hooks
    this.#views = views
    this.#timeoutMs = timeoutMs
    this.#faults = faults
  }

  /** Rings for one life of a thread; undefined where no query has to be parked. `wake` ends its wait for datagrams. */
  open(thread: number, wake: () => void): ParkingTask | undefined {
    const parks = QUERY_HOOKS.filter((hook) => this.#hooks[hook] !== undefined)
    if (parks.length === 0) return undefined
    const queries = createHandoff(PARKED_QUERIES, QUERY_SLOT_BYTES, this.#bellMemory)
    const responses = createHandoff(PARKED_RESPONSES, RESPONSE_SLOT_BYTES, this.#bellMemory)
    this.#desks.set(thread, [deskOf(queries, wake), deskOf(responses, wake)])
    if (!this.#isListening) void this.#listen()
    return { parks, queries, responses, timeoutMs: this.#timeoutMs }
  }

  /** What a dead thread has parked is of no use to anybody. */
  onDeath(thread: number): void {
    this.#desks.delete(thread)
  }

  onHealthChange(change: HealthChange): void {
    const { onHealthChange } = this.#hooks
    if (onHealthChange !== undefined) callHost(() => onHealthChange(change))
  }

  close(): void {
    this.#isClosed = true
    this.#desks.clear()
    this.#bell.ring()
  }

  async #listen(): Promise<void> {
    this.#isListening = true
    while (!this.#isClosed) {
      if (!this.#serve()) {
        await nextTurn()
        continue
      }
      this.#bell.lieDown()
      if (this.#hasParked()) this.#bell.getUp()
      else await this.#bell.rung()
    }
  }

  #hasParked(): boolean {
    for (const desks of this.#desks.values()) if (desks.some(({ taker }) => taker.hasParked)) return true
    return false
  }

  /** In turns, so that no thread keeps the others waiting. False when there is more than one slice takes. */
  #serve(): boolean {
    const end = performance.now() + SLICE_MS
    for (let isDone = false; !isDone; ) {
      isDone = true
      for (const desks of this.#desks.values()) {
        for (const desk of desks) if (!this.#serveDesk(desk, end)) isDone = false
      }
      if (performance.now() >= end) return isDone
    }
    return true
  }

  /** Some of what is parked in one ring; false when there may be more. */
  #serveDesk(desk: Desk, end: number): boolean {
    let isEmpty = false
    let served = 0
    while (served < TURN && performance.now() < end) {
      const at = desk.taker.take()
      isEmpty = at === NONE
      if (isEmpty) break
      this.#serveSlot(desk, at)
      served++
    }
    if (served > 0 && desk.taker.wakeOwner()) desk.wake()
    return isEmpty
  }

  #serveSlot({ taker, slot }: Desk, at: number): void {
    slot.open(taker.bodyStart(at))
    if (slot.kind === SlotKind.response) {
      this.#tell(slot)
      taker.dismiss(at)
      return
    }
    slot.outcome = slot.kind === SlotKind.query ? this.#askQuery(slot) : this.#askSelect(slot)
    taker.answer(at)
  }

  #askQuery(slot: HookSlot): Outcome {
    const { onQuery } = this.#hooks
    try {
      return callOnQuery(onQuery!, this.#queryOf(slot), slot.type, slot.bytes, slot.dataStart, slot.end)
    } catch (error) {
      this.#faults.add('onQuery', error)
      return Outcome.failed
    }
  }

  #askSelect(slot: HookSlot): Outcome {
    const { selectBackend } = this.#hooks
    try {
      const backends = readBackends(slot.type, slot.count, slot.bytes, slot.dataStart)
      const count = callSelectBackend(selectBackend!, this.#queryOf(slot), backends, this.#chosen)
      slot.setIndexes(this.#chosen, count)
      return Outcome.chosen
    } catch (error) {
      this.#faults.add('selectBackend', error)
      return Outcome.failed
    }
  }

  #tell(slot: HookSlot): void {
    try {
      const { rcode, truncated, answers, sizeBytes } = slot
      callOnResponse(this.#hooks.onResponse!, this.#queryOf(slot), hookResponse(rcode, truncated, answers, sizeBytes))
    } catch (error) {
      this.#faults.add('onResponse', error)
    }
  }

  #queryOf(slot: HookSlot): HookQuery {
    const { bytes, requestStart, type, client, protocol } = slot
    const view = this.#views[slot.view]!
    // The name stands there as it was asked for; folding touches ASCII letters alone, and its escapes have none.
    const query = hookQuery(bytes, requestStart + HEADER_SIZE, type, client, view, protocolOf(protocol))
    return { ...query, name: query.name.toLowerCase() }
  }
}

/** Queries of one ring that are served in a row. */
const TURN = 64

function deskOf(handle: HandoffHandle, wake: () => void): Desk {
  const taker = new HandoffTaker(handle)
  return { taker, slot: new HookSlot(taker.bytes, taker.bodyBytes), wake }
}
