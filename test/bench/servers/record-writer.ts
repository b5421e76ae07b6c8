import type { ContainerDns, RRset } from '../../../lib/index.js'
import { Histogram } from '../load/histogram.js'
import { hostAddress, hostName, ZONE } from '../names.js'
import type { WritePlan, WriteReport } from './our-server-protocol.js'

/** Names that writes of new ones go round in, so that memory stays bounded. */
const NEW_NAMES = 20_000
const TICK_MS = 1

/** Keeps up a rate of single puts, without waiting for one before the next. */
export class RecordWriter {
  readonly #records: ContainerDns['records']
  readonly #plan: WritePlan
  readonly #hosts: number
  readonly #latencyUs = new Histogram()
  readonly #pending = new Set<Promise<void>>()
  readonly #startedAt = performance.now()
  readonly #timer: NodeJS.Timeout
  #started = 0
  #failed = 0

  constructor(records: ContainerDns['records'], plan: WritePlan, hosts: number) {
    this.#records = records
    this.#plan = plan
    this.#hosts = hosts
    this.#timer = setInterval(() => this.#catchUp(), TICK_MS)
  }

  async stop(): Promise<WriteReport> {
    clearInterval(this.#timer)
    const perSecond = (1000 * this.#started) / (performance.now() - this.#startedAt)
    await Promise.all(this.#pending)
    const percentileMs = (percent: number) => this.#latencyUs.percentile(percent) / 1000
    return { perSecond, p50Ms: percentileMs(50), p99Ms: percentileMs(99), failed: this.#failed }
  }

  #catchUp(): void {
    const due = Math.floor(((performance.now() - this.#startedAt) * this.#plan.perSecond) / 1000)
    while (this.#started < due) {
      const put = this.#put(this.#rrset(this.#started++))
      this.#pending.add(put)
      void put.finally(() => this.#pending.delete(put))
    }
  }

  async #put(rrset: RRset): Promise<void> {
    const from = performance.now()
    try {
      await this.#records.put(rrset)
      this.#latencyUs.record(((performance.now() - from) * 1000) | 0)
    } catch {
      this.#failed++
    }
  }

  #rrset(write: number): RRset {
    // Another address each time, as writing what is there already changes nothing.
    const data = [hostAddress(write)]
    if (this.#plan.names === 'asked')
      return { name: hostName(Math.floor(Math.random() * this.#hosts)), type: 'A', data }
    return { name: `new-${write % NEW_NAMES}.${ZONE}`, type: 'A', data }
  }
}
