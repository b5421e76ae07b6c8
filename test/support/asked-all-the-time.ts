import { type ContainerDns, type ContainerDnsOptions, createContainerDns, type RecordStore } from 'containerdns'
import { eventually } from './eventually.js'
import { dataOf, UdpClient } from './udp-client.js'

/** A server for `example.org` that is asked over UDP for one name, query after query, for as long as it lives. */
export class AskedAllTheTime implements AsyncDisposable {
  readonly dns: ContainerDns
  /** `down` and `up`, in order. */
  readonly reports: string[] = []
  /** What `down` was reported with. */
  readonly causes: string[] = []
  answered = 0
  #client: UdpClient | undefined
  #asking: Promise<void> | undefined
  #isOver = false
  readonly #wrong: string[] = []

  private constructor(dns: ContainerDns) {
    this.dns = dns
    dns.on('storeDown', (cause) => {
      this.reports.push('down')
      this.causes.push(cause.message)
    })
    dns.on('storeUp', () => this.reports.push('up'))
  }

  static async start(store: RecordStore, options: ContainerDnsOptions = {}): Promise<AskedAllTheTime> {
    const dns = await createContainerDns({
      zones: ['example.org'],
      listen: { port: 0, protocols: ['udp'] },
      workers: 1,
      store,
      ...options,
    })
    return new AskedAllTheTime(dns)
  }

  /** From here on every query must be answered with this address. */
  async expect(name: string, address: string): Promise<void> {
    this.#client = await UdpClient.open(this.dns.addresses[0]!)
    this.#asking = this.#ask(this.#client, name, address)
    await eventually(() => this.answered > 0)
  }

  /** Throws unless every query so far was answered, and rightly. At least one more is asked. */
  async check(): Promise<void> {
    const before = this.answered
    await eventually(() => this.answered > before || this.#wrong.length > 0)
    if (this.#wrong.length > 0) throw new Error(`after ${this.answered} right answers: ${this.#wrong.join('; ')}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true
    await this.#asking
    await this.#client?.[Symbol.asyncDispose]()
    await this.dns.close()
  }

  async #ask(client: UdpClient, name: string, address: string): Promise<void> {
    while (!this.#isOver) {
      try {
        const response = await client.ask(name, 'A', 5000)
        const found = `${response.rcode} ${dataOf(response)}`
        if (found === `NOERROR ${address}`) this.answered++
        else this.#wrong.push(found)
      } catch (error) {
        this.#wrong.push((error as Error).message)
      }
      // The machine is for others, too.
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
  }
}
