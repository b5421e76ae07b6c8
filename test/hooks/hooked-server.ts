import { type ContainerDns, type ContainerDnsOptions, createContainerDns, memoryStore } from 'containerdns'

export const BACKENDS = ['192.0.2.1', '192.0.2.2', '192.0.2.3']

/** A server that knows three addresses of `www.example`, two services at `_sip._tcp.example`, and one address of `one.example`. */
export function startHooked(options: ContainerDnsOptions): Promise<ContainerDns> {
  const store = memoryStore({
    rrsets: [
      { name: 'www.example', type: 'A', data: BACKENDS },
      { name: 'one.example', type: 'A', data: ['192.0.2.9'] },
      { name: 'alias.example', type: 'CNAME', data: ['www.example'] },
      {
        name: '_sip._tcp.example',
        type: 'SRV',
        data: [
          { priority: 1, weight: 5, port: 5060, target: 'a.example' },
          { priority: 2, weight: 7, port: 5061, target: 'b.example' },
        ],
      },
    ],
  })
  return createContainerDns({ zones: ['example'], listen: { port: 0 }, workers: 1, store, ...options })
}

/** A module that a thread can import. */
export function moduleOf(code: string): string {
  return `data:text/javascript,${encodeURIComponent(code)}`
}

/** Keeps this thread from everything else. */
export function blockFor(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

/** The same until the word is that high, or for ten seconds. */
export function blockUntil(word: Int32Array, atLeast: number): void {
  const deadline = performance.now() + 10_000
  for (let now = Atomics.load(word, 0); now < atLeast && performance.now() < deadline; now = Atomics.load(word, 0)) {
    Atomics.wait(word, 0, now, 1_000)
  }
}
