import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { MonitorKeys } from '../../lib/health/monitor/monitor-keys.js'
import { MonitorSession } from '../../lib/health/monitor/monitor-session.js'
import { silentLogger } from '../../lib/log.js'
import { parseEtcdStoreOptions } from '../../lib/store/etcd/options.js'
import type { Etcd } from './start-etcd.js'

/** Keys in one transaction, below etcd's 128. */
const KEYS_AT_ONCE = 100

/**
 * Addresses of 127.0.0.0/8 that are all alive and all have a status in etcd: it sees when each is probed, because it is what
 * answers, and when etcd calls one down, which is always wrong.
 */
export class MonitoredTargets implements AsyncDisposable {
  readonly addresses: readonly string[]
  readonly #checkedAt = new Map<string, number>()
  readonly #downSince = new Map<string, number>()
  /** Milliseconds of the longest time that one of them was called down and is up again. */
  #longestDownMs = 0
  #everDown = 0
  readonly #server: Server
  #session: MonitorSession | undefined

  private constructor(addresses: readonly string[]) {
    this.addresses = addresses
    this.#server = createServer((socket) => {
      socket.on('error', () => {})
      const address = socket.localAddress
      if (address !== undefined && this.#checkedAt.has(address)) this.#checkedAt.set(address, performance.now())
      socket.destroy()
    })
  }

  static async start(etcd: Etcd, prefix: string, count: number): Promise<MonitoredTargets> {
    const addresses = Array.from({ length: count }, (_, i) => `127.${100 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`)
    const targets = new MonitoredTargets(addresses)
    targets.#server.listen({ host: '0.0.0.0', port: 0, backlog: 4_096 })
    await once(targets.#server, 'listening')
    const { port } = targets.#server.address() as { port: number }
    const now = performance.now()
    for (const address of addresses) targets.#checkedAt.set(address, now)
    const keys = new MonitorKeys(prefix)
    const value = JSON.stringify({ status: 'UP', ports: [port] })
    for (let at = 0; at < count; at += KEYS_AT_ONCE) {
      const some = addresses.slice(at, at + KEYS_AT_ONCE)
      await etcd.transaction(Object.fromEntries(some.map((address) => [keys.status(address), value])))
    }
    targets.#follow(etcd, keys)
    return targets
  }

  /** How long ago the one was probed whose last probe is oldest. */
  get oldestCheckMs(): number {
    return performance.now() - Math.min(...this.#checkedAt.values())
  }

  /** How often etcd has called one down. */
  get everDown(): number {
    return this.#everDown
  }

  /** The longest time that one was called down, those that are so still among them. */
  get longestDownMs(): number {
    const now = performance.now()
    return Math.max(this.#longestDownMs, ...[...this.#downSince.values()].map((since) => now - since))
  }

  /** Whether each has been probed since then, by `performance.now()`. */
  areCheckedSince(momentMs: number): boolean {
    return Math.min(...this.#checkedAt.values()) > momentMs
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session?.close()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #follow(etcd: Etcd, keys: MonitorKeys): void {
    const nothing = () => undefined
    this.#session = new MonitorSession({
      etcd: parseEtcdStoreOptions({ hosts: etcd.host }),
      prefix: `${keys.prefix}status/`,
      leaseSeconds: 60,
      logger: silentLogger,
      onConnected: () => Promise.resolve(),
      onLoad: nothing,
      onKey: (key, value) => this.#onStatus(keys.addressOf(key)!, value),
      onLoaded: nothing,
      onLeaseLost: nothing,
    })
    this.#session.start()
  }

  #onStatus(address: string, value: Buffer | undefined): void {
    const isDown = value !== undefined && (JSON.parse(value.toString()) as { status: string }).status === 'DOWN'
    const since = this.#downSince.get(address)
    if (isDown && since === undefined) {
      this.#everDown++
      this.#downSince.set(address, performance.now())
    } else if (!isDown && since !== undefined) {
      this.#downSince.delete(address)
      this.#longestDownMs = Math.max(this.#longestDownMs, performance.now() - since)
    }
  }
}
