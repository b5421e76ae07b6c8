import { addressFromText, addressToText } from '../../clients/client-address.js'

// What scanners and schedulers share in etcd, below one prefix, beside what ContainerDNS's own agents have there:
//
//   status/ADDRESS   {"status":"UP" or "DOWN","ports":[…],"domains":[…],"cluster":""}: ContainerDNS's; we change `status` alone
//   agents/NAME      a scanner that is alive, under its lease; {"blind":true} in it: it cannot reach its references, and others are to have its addresses
//   leader           the scheduler that leads, under its lease
//   assignment       {"agents":[…]}: which scanners share the addresses among them; with a quorum, "quorum":{"agents":n,"down":k}; "term" is the revision at which
//                    its writer had become the leader
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
    const address = addressIn(text)
    if (address === undefined || agent === undefined || !isAgentName(agent) || more.length > 0) return undefined
    return { address, agent }
  }

  /** The name of an agent, if it is the key of one. */
  agentOf(key: string): string | undefined {
    const name = after(key, `${this.prefix}agents/`)
    return name !== undefined && isAgentName(name) ? name : undefined
  }

  /** Whether it stands where statuses do, whatever it is. */
  isStatus(key: string): boolean {
    return after(key, `${this.prefix}status/`) !== undefined
  }

  /** The address whose status a key holds, where it is spelled as we would. */
  addressOf(key: string): string | undefined {
    return addressAfter(key, `${this.prefix}status/`)
  }
}

/** Another spelling of an address would be another key: what one says must not be taken for the word of the other. */
function addressAfter(key: string, prefix: string): string | undefined {
  return addressIn(after(key, prefix))
}

function addressIn(text: string | undefined): string | undefined {
  if (text === undefined || text.length > MAX_ADDRESS) return undefined
  const bytes = addressFromText(text)
  return bytes !== undefined && addressToText(bytes) === text ? text : undefined
}

/** Of an IPv6 address as text. */
const MAX_ADDRESS = 45

/** Letters, digits, `.`, `_` and `-`. */
export function isAgentName(text: string): boolean {
  return /^[\w.-]{1,253}$/.test(text)
}

function after(key: string, prefix: string): string | undefined {
  return key.startsWith(prefix) && key.length > prefix.length ? key.slice(prefix.length) : undefined
}
