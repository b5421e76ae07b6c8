import { ContainerDnsError } from '../errors.js'
import type { RRset } from '../records/rrset.js'
import { viewNumber } from '../records/view.js'
import { RRsetEncoder } from '../records/wire-rrset.js'
import type { StoreSink } from '../store/record-store.js'
import type { ClusterClients } from './cluster-clients.js'
import type { ClusterRecords, OwnerRecords } from './cluster-records.js'

/**
 * Every thread is given a new table of clients, which takes the main thread 20 ms for 10 000 addresses and 100 ms for 50 000 (`viewTable`
 * alone, processor time, 2026-11). So pods that come and go wait for one another.
 */
const POD_CLIENTS_INTERVAL_MS = 10_000

/** Writes what a cluster's changes have touched to a server's index, one after the other. */
export class ClusterPublisher {
  readonly #sink: StoreSink
  readonly #signal: AbortSignal
  readonly #encoder = new RRsetEncoder()
  /** Owners that are not answered with all that the cluster has, and why. */
  readonly #bad = new Map<string, string>()
  /** Before this, what pods tell of clients is left to the timer. */
  #podClientsAt = Number.NEGATIVE_INFINITY
  #podClientsTimer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  #changes = 0

  constructor(sink: StoreSink, signal: AbortSignal) {
    this.#sink = sink
    this.#signal = signal
  }

  get changes(): number {
    return this.#changes
  }

  get badOwners(): number {
    return this.#bad.size
  }

  /** Resolves once all that was touched before the call has been written. Never rejects. */
  async publish(records: ClusterRecords): Promise<void> {
    this.#publishClients(records.clients)
    while (records.hasChanges && !this.#signal.aborted) {
      this.#running ??= this.#publish(records).finally(() => {
        this.#running = undefined
      })
      await this.#running
    }
    await this.#running
  }

  /** Once the signal has been aborted. */
  async idle(): Promise<void> {
    clearTimeout(this.#podClientsTimer)
    await this.#running
  }

  async #publish(records: ClusterRecords): Promise<void> {
    for (const owner of records.take()) {
      const pause = this.#sink.pause()
      if (pause !== undefined) await pause
      if (this.#signal.aborted) return
      this.#write(owner)
    }
  }

  #publishClients(clients: ClusterClients): void {
    if (clients.changed === 'nothing' || this.#signal.aborted) return
    const { clock } = this.#sink
    const waitMs = this.#podClientsAt - clock.monotonicMs()
    if (clients.changed === 'pods' && waitMs > 0) {
      this.#podClientsTimer ??= setTimeout(() => {
        this.#podClientsTimer = undefined
        this.#publishClients(clients)
      }, waitMs)
      return
    }
    this.#podClientsAt = clock.monotonicMs() + POD_CLIENTS_INTERVAL_MS
    this.#sink.setViewClients?.(clients.take())
  }

  #write(owner: OwnerRecords): void {
    try {
      this.#writeAll(owner)
      this.#bad.delete(owner.name)
      this.#changes++
    } catch (cause) {
      this.#writeWhatFits(owner, cause as Error)
    }
  }

  #writeAll({ name, rrsets }: OwnerRecords): void {
    const encoder = this.#encoder
    encoder.reset()
    const { defaultTtl, views } = this.#sink
    const wire = rrsets.map(({ type, ttl, data, view }) => ({
      ...encoder.encode(type, ttl ?? defaultTtl, data),
      view: viewNumber(views, view),
    }))
    this.#sink.write(encoder.name(name), wire)
  }

  /** One name that is too large, or whose alias is no name, must not stop the others. Of endpoints there are enough with half of them. */
  #writeWhatFits(owner: OwnerRecords, cause: Error): void {
    this.#report(owner.name, cause)
    let rrsets = owner.rrsets
    while (rrsets.length > 0) {
      rrsets = codeOf(cause) === 'CDNS_RRSET_TOO_LARGE' ? smaller(rrsets) : []
      try {
        this.#writeAll({ ...owner, rrsets })
        return
      } catch (next) {
        if (codeOf(next) !== 'CDNS_RRSET_TOO_LARGE') break
      }
    }
  }

  #report(name: string, cause: Error): void {
    if (this.#bad.get(name) === cause.message) return
    this.#bad.set(name, cause.message)
    this.#sink.reportBadRecord({ key: name, reason: cause.message })
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof ContainerDnsError ? error.code : undefined
}

/** Half of the largest; SRV records go first. */
function smaller(rrsets: readonly RRset[]): RRset[] {
  const [largest] = [...rrsets].sort((a, b) => sizeOf(b) - sizeOf(a))
  return rrsets.flatMap((rrset) => {
    if (rrset !== largest) return [rrset]
    const data = rrset.data.slice(0, Math.floor(rrset.data.length / 2))
    return data.length === 0 ? [] : [{ ...rrset, data } as RRset]
  })
}

const SRV_FACTOR = 8

function sizeOf({ type, data }: RRset): number {
  return type === 'SRV' ? SRV_FACTOR * data.length : data.length
}
