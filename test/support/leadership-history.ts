import { MonitorKeys } from '../../lib/health/monitor/monitor-keys.js'
import { MonitorSession } from '../../lib/health/monitor/monitor-session.js'
import { silentLogger } from '../../lib/log.js'
import { parseEtcdStoreOptions } from '../../lib/store/etcd/options.js'
import type { Etcd } from './start-etcd.js'

/**
 * Follows who leads and who assigns, in the order of etcd's revisions: each assignment must name, as its term, the revision at which the key of the
 * leader was made that stood when the assignment was written. One that does not was written by a scheduler that led no more.
 */
export class LeadershipHistory implements AsyncDisposable {
  /** What was written by others than the leader. */
  readonly violations: string[] = []
  /** The terms under which something was assigned. */
  readonly terms = new Set<number>()
  readonly #session: MonitorSession
  #leader: number | undefined
  #isLoaded = false

  constructor(etcd: Etcd, prefix: string) {
    const keys = new MonitorKeys(prefix)
    const nothing = () => undefined
    this.#session = new MonitorSession({
      ...{ etcd: parseEtcdStoreOptions({ hosts: etcd.host }), prefix, leaseSeconds: 60, logger: silentLogger },
      onConnected: () => Promise.resolve(),
      // What was written while we could not follow is not looked at.
      onLoad: () => {
        this.#isLoaded = false
        this.#leader = undefined
      },
      onKey: (key, value, revision) => {
        if (key === keys.leader) this.#leader = value && revision
        else if (key === keys.assignment && value !== undefined && this.#isLoaded) this.#check(value, revision)
      },
      onLoaded: () => {
        this.#isLoaded = true
      },
      onLeaseLost: nothing,
    })
    this.#session.start()
  }

  get isFollowing(): boolean {
    return this.#isLoaded
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#session.close()
  }

  #check(value: Buffer, revision: number): void {
    const { term } = JSON.parse(value.toString()) as { term: number }
    this.terms.add(term)
    if (term === this.#leader) return
    this.violations.push(`revision ${revision}: written in term ${term}, while the leader is that of ${this.#leader}`)
  }
}
