/** What etcd has held for each host, as far as its writer can know. */
export class EtcdHistory {
  readonly #values: Held[][]

  constructor(hosts: number) {
    this.#values = Array.from({ length: hosts }, () => [])
  }

  /** A put is under way: from now on etcd may hold the value, and still the one before. */
  begin(host: number, address: string, nowMs: number): Held {
    const held = { address, fromMs: nowMs, untilMs: Number.POSITIVE_INFINITY }
    this.#values[host]!.push(held)
    return held
  }

  /** The put is done: all values before it are gone. Those of puts that failed were there, or not: nobody knows. */
  settle(host: number, held: Held, nowMs: number): void {
    const values = this.#values[host]!
    for (const before of values.slice(0, values.indexOf(held))) before.untilMs = Math.min(before.untilMs, nowMs)
    this.#values[host] = values.filter(({ untilMs }) => untilMs > nowMs - KEPT_MS)
  }

  /** How long before `nowMs` etcd held the address last: 0 if it still does, undefined if it never did. */
  ageMs(host: number, address: string, nowMs: number): number | undefined {
    const ages = this.#values[host]!.filter((held) => held.address === address).map(({ untilMs }) => nowMs - untilMs)
    return ages.length === 0 ? undefined : Math.max(0, Math.min(...ages))
  }

  last(host: number): string | undefined {
    return this.#values[host]!.at(-1)?.address
  }
}

export interface Held {
  readonly address: string
  readonly fromMs: number
  untilMs: number
}

/** An answer that is older than this is wrong, however long it took. */
const KEPT_MS = 120_000
