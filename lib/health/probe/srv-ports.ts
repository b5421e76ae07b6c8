/** By the names that SRV records lead to, the ports that they give, and how many records do. Main thread. */
export class SrvPorts {
  readonly #byTarget = new Map<string, Map<number, number>>()

  clear(): void {
    this.#byTarget.clear()
  }

  /** The ports of a folded name in wire form. */
  of(target: Uint8Array): Iterable<number> {
    return this.#byTarget.get(keyOf(target))?.keys() ?? []
  }

  /** Counts a record that comes or goes. Whether it is the first with this port, or was the last. */
  count(target: Uint8Array, port: number, delta: 1 | -1): boolean {
    const key = keyOf(target)
    const ports = this.#byTarget.get(key) ?? new Map<number, number>()
    const before = ports.get(port) ?? 0
    const after = Math.max(0, before + delta)
    if (after > 0) ports.set(port, after)
    else ports.delete(port)
    if (ports.size > 0) this.#byTarget.set(key, ports)
    else this.#byTarget.delete(key)
    return (before === 0) !== (after === 0)
  }
}

function keyOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
}
