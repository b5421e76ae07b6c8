import { Bell, createBell } from '../handoff/bell.js'
import type { Logger } from '../log.js'
import { ExportControl } from './export-control.js'
import type { ExportedQuery } from './exported-query.js'
import type { ExportHandle } from './exporter.js'
import type { ParsedExport } from './options.js'
import { createRing, type RingHandle } from './ring-layout.js'
import type { TapHandle } from './thread-tap.js'

/** Of each thread: 10 000 usual queries with their responses. */
const RING_BYTES = 2 ** 21
/** How often it is looked whether somebody has subscribed. */
const LOOK_MS = 250

/** What has been exported since the start, and what was lost on the way. */
export interface ExportStats {
  /** Lines in the file; left out where there is none. */
  readonly queryLog?: SinkStats
  /** Queries, with their responses, that went to the reader, and whether it is there. */
  readonly dnstap?: SinkStats & { readonly connected: boolean }
  /** What a blocked host was not told. */
  readonly hostLost: number
  /** Queries that found no room on their way to the export thread. */
  readonly ringLost: number
}

export interface SinkStats {
  readonly written: number
  readonly lost: number
}

export interface QueryExportOptions {
  readonly export: ParsedExport
  /** Threads that answer. */
  readonly threads: number
  readonly logger: Logger
  /** Whether somebody in this process wants to hear of queries. */
  readonly isWatched: () => boolean
  readonly onQuery: (query: ExportedQuery) => void
}

/** The main thread's side of exporting queries. */
export class QueryExport {
  readonly #options: QueryExportOptions
  readonly #bellMemory = createBell()
  readonly #bell = new Bell(this.#bellMemory)
  readonly #control = new ExportControl()
  readonly #rings: readonly RingHandle[]
  readonly #timer: NodeJS.Timeout

  constructor(options: QueryExportOptions) {
    this.#options = options
    this.#rings = Array.from({ length: options.threads }, () => createRing(RING_BYTES, this.#bellMemory))
    this.#look()
    this.#timer = setInterval(() => this.#look(), LOOK_MS).unref()
  }

  /** For a thread that answers. */
  tapFor(thread: number): TapHandle {
    const { queryLog, dnstap } = this.#options.export
    return {
      ring: this.#rings[thread]!,
      logSample: queryLog?.sample ?? 0,
      dnstapSample: dnstap?.sample ?? 0,
      upstreamSample: dnstap?.forwarder ? dnstap.sample : 0,
    }
  }

  /** For the export thread. */
  handle(mustOpen: boolean): ExportHandle {
    const { memory } = this.#control
    return { ...this.#options.export, rings: this.#rings, bell: this.#bellMemory, control: memory, mustOpen }
  }

  stats(): ExportStats {
    const { queryLog, dnstap } = this.#options.export
    const control = this.#control
    const sink = (name: 'log' | 'dnstap'): SinkStats => ({
      written: control.total(`${name}Written`),
      lost: control.total(`${name}Lost`),
    })
    return {
      ...(queryLog?.file === undefined ? {} : { queryLog: sink('log') }),
      ...(dnstap === undefined ? {} : { dnstap: { ...sink('dnstap'), connected: control.isConnected } }),
      hostLost: control.total('hostLost'),
      ringLost: control.total('ringLost'),
    }
  }

  /** Has the log's file opened anew before its next line. */
  reopen(): void {
    this.#control.reopen()
  }

  /** Queries have come from the export thread. */
  onQueries(queries: readonly object[]): void {
    this.#control.received()
    for (const query of queries) this.#options.onQuery(query as ExportedQuery)
  }

  onState(sink: string, failure: Error | undefined): void {
    const { logger } = this.#options
    if (failure === undefined) logger.info({ sink }, 'queries are exported')
    else logger.warn({ sink, err: failure }, 'queries are not exported; it is tried again')
  }

  /** The export thread is dead. */
  onDeath(): void {
    this.#control.forgetPosted()
  }

  /** The threads that answer have ended: the export thread shall end, too. */
  end(): void {
    this.#control.end()
    this.#bell.ring()
  }

  /** The server is closed. */
  close(): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    this.#control.isWatched = this.#options.isWatched()
  }
}
