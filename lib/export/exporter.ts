import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises'
import { ContainerDnsError } from '../errors.js'
import { Bell } from '../handoff/bell.js'
import { DnstapSender } from './dnstap-sender.js'
import { Exchange } from './exchange.js'
import type { ExportControl } from './export-control.js'
import { type ExportedQuery, QueryExporter } from './exported-query.js'
import type { ParsedExport } from './options.js'
import { QueryLog } from './query-log.js'
import { NONE, type RingHandle } from './ring-layout.js'
import { RingReader } from './ring-reader.js'

/** Where exported queries go. */
export type SinkName = 'queryLog' | 'dnstap'

/** What the export thread is given, beside what every thread is. A plain object: it is posted to it. */
export interface ExportHandle extends ParsedExport {
  readonly rings: readonly RingHandle[]
  readonly bell: SharedArrayBuffer
  readonly control: SharedArrayBuffer
  /** Whether a log that cannot be opened is the end of it: when the server starts, and not when the thread is run again. */
  readonly mustOpen: boolean
}

/** Who hears of what. */
export interface ExportListener {
  /** A sink has failed, or works again. */
  onState(sink: SinkName, failure: Error | undefined): void
  /** For the main thread, and only while somebody there wants them. */
  onQueries(queries: readonly ExportedQuery[]): void
}

/** How long the event loop is kept by records in one piece. */
const SLICE_MS = 5
/** Records between two looks at the clock. */
const SLICE_RECORDS = 64
/** After a wake-up: so much later is soon enough, and nobody has to wake us for each batch. A ring holds what comes in 40 ms at 250 000 queries/s. */
const PAUSE_MS = 5
/** Queries that are posted in one piece. */
const POST_AT_ONCE = 256

/** Takes queries out of all rings and gives them to the sinks. Belongs to the export thread. */
export class Exporter {
  readonly #handle: ExportHandle
  readonly #control: ExportControl
  readonly #listener: ExportListener
  readonly #bell: Bell
  readonly #rings: readonly { readonly reader: RingReader; readonly exchange: Exchange }[]
  readonly #reader = new QueryExporter()
  readonly #log: QueryLog | undefined
  #dnstap: DnstapSender | undefined
  #posted: ExportedQuery[] = []

  constructor(handle: ExportHandle, control: ExportControl, listener: ExportListener) {
    this.#handle = handle
    this.#control = control
    this.#listener = listener
    this.#bell = new Bell(handle.bell)
    this.#rings = handle.rings.map((ring) => {
      const reader = new RingReader(ring)
      return { reader, exchange: new Exchange(reader.bytes) }
    })
    const { queryLog } = handle
    if (queryLog?.file !== undefined) {
      const onState = (failure: Error | undefined) => listener.onState('queryLog', failure)
      this.#log = new QueryLog(queryLog.file, queryLog.maxBytes, control, onState)
    }
  }

  /** Rejects with CDNS_QUERY_LOG_FAILED where the log cannot be opened and has to be. */
  async open(): Promise<void> {
    const { dnstap, queryLog, mustOpen } = this.#handle
    try {
      await this.#log?.open()
    } catch (error) {
      const failure = new ContainerDnsError(
        'CDNS_QUERY_LOG_FAILED',
        `queryLog.file ${queryLog!.file} cannot be opened: ${(error as Error).message}`,
        { cause: error },
      )
      if (mustOpen) throw failure
      this.#listener.onState('queryLog', failure)
    }
    if (dnstap === undefined) return
    this.#dnstap = new DnstapSender(dnstap, this.#control, (failure) => this.#listener.onState('dnstap', failure))
  }

  /** Until the control says that this is the end; then takes what is left, and closes the sinks. */
  async run(): Promise<void> {
    while (!this.#control.isEnding) {
      await this.#takeAll()
      await this.#sleep()
      if (!this.#control.isEnding) await delay(PAUSE_MS)
    }
    await this.#takeAll()
    await Promise.all([this.#log?.close(), this.#dnstap?.close()])
  }

  /** Several times a second. */
  look(): void {
    this.#log?.look()
  }

  /** Lets others of this thread have their turns in between. */
  async #takeAll(): Promise<void> {
    while (this.#takeSlice(performance.now() + SLICE_MS)) {
      this.#giveOn()
      await nextTurn()
    }
    this.#giveOn()
  }

  /** Says whether time was up before the rings were empty. */
  #takeSlice(deadline: number): boolean {
    for (const { reader, exchange } of this.#rings) {
      for (let count = 1, at = reader.next(); at !== NONE; at = reader.next(), count++) {
        exchange.reset(at)
        this.#take(exchange)
        if (count % SLICE_RECORDS !== 0) continue
        reader.free()
        if (performance.now() > deadline) return true
      }
      reader.free()
      this.#control.count('ringLost', reader.takeLost())
    }
    return false
  }

  #take(exchange: Exchange): void {
    if (exchange.isForDnstap) this.#dnstap?.add(exchange)
    if (!exchange.isForLog) return
    const { isWatched } = this.#control
    if (this.#log === undefined && !isWatched) return
    const query = this.#reader.exported(exchange)
    this.#log?.add(query)
    if (isWatched && this.#posted.push(query) >= POST_AT_ONCE) this.#post()
  }

  #giveOn(): void {
    this.#log?.flush()
    this.#dnstap?.flush()
    this.#post()
  }

  #post(): void {
    const queries = this.#posted
    if (queries.length === 0) return
    this.#posted = []
    if (this.#control.mayPost()) this.#listener.onQueries(queries)
    else this.#control.count('hostLost', queries.length)
  }

  async #sleep(): Promise<void> {
    this.#bell.lieDown()
    if (this.#control.isEnding || this.#rings.some(({ reader }) => !reader.isEmpty)) this.#bell.getUp()
    else await this.#bell.rung()
  }
}
