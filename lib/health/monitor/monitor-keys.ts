import { addressFromText, addressToText } from '../../clients/client-address.js'

// What scanners and schedulers share in etcd, below one prefix, beside what ContainerDNS's own agents have there:
//
//   status/ADDRESS   {"status":"UP" or "DOWN","ports":[…],"domains":[…],"cluster":""}: ContainerDNS's; we change `status` alone
//   agents/NAME      a scanner that is alive, under its lease
//   leader           the scheduler that leads, under its lease
//   assignment       {"agents":[…]}: which scanners share the addresses among them; with a quorum, "quorum":{"agents":n,"down":k}
//   alerts/ADDRESS   {"status":"UP" or "DOWN","at":"…"}: that somebody has been told so, and when it was last told to be down
//   verdicts/ADDRESS/NAME   {"status":"UP" or "DOWN","reason":""}: with a quorum, the word of one scanner, under its lease
export class MonitorKeys {
  readonly prefix: string
  readonly leader: string
  readonly assignment: string

  /** `prefix` ends with a slash. */
  constructor(prefix: string) {
    this.prefix = prefix
    this.leader = `${prefix}leader`
    this.assignment = `${prefix}assignment`
  }

  agent(name: string): string {
    return `${this.prefix}agents/${name}`
  }

  status(address: string): string {
    return `${this.prefix}status/${address}`
  }

  verdict(address: string, agent: string): string {
    return `${this.prefix}verdicts/${address}/${agent}`
  }

  alert(address: string): string {
    return `${this.prefix}alerts/${address}`
  }

  /** The address of whose status somebody has been told. */
  alertOf(key: string): string | undefined {
    return addressAfter(key, `${this.prefix}alerts/`)
  }

  /** Whose verdict a key holds, and on what. */
  verdictOf(key: string): { readonly address: string; readonly agent: string } | undefined {
    const [text, agent, ...more] = after(key, `${this.prefix}verdicts/`)?.split('/') ?? []
    const bytes = text === undefined ? undefined : addressFromText(text)
    if (bytes === undefined || agent === undefined || more.length > 0) return undefined
    return { address: addressToText(bytes), agent }
  }

  /** The name of an agent, if it is the key of one. */
  agentOf(key: string): string | undefined {
    return after(key, `${this.prefix}agents/`)
  }

  /** The address whose status a key holds, in one spelling. */
  addressOf(key: string): string | undefined {
    return addressAfter(key, `${this.prefix}status/`)
  }
}

function addressAfter(key: string, prefix: string): string | undefined {
  const text = after(key, prefix)
  const bytes = text === undefined ? undefined : addressFromText(text)
  return bytes && addressToText(bytes)
}

function after(key: string, prefix: string): string | undefined {
  return key.startsWith(prefix) && key.length > prefix.length ? key.slice(prefix.length) : undefined
}
