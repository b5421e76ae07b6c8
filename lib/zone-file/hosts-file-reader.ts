import { isIP } from 'node:net'
import { describe } from '../bounds.js'
import { ContainerDnsError } from '../errors.js'
import { startOfText } from './start-of-text.js'
import { SyntaxFault } from './syntax-fault.js'

const NEWLINE = 0x0a

/** The lines of a hosts file (hosts(5)): an address, then the names that it has. Made once for a file; `next` overwrites the last line. */
export class HostsFileReader {
  address = ''
  names: readonly string[] = []
  /** Counted from 1. */
  line = 0
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
    this.#at = startOfText(bytes)
  }

  /** Goes on to the next line that says something; false at the end of the file. Throws SyntaxFault. */
  next(): boolean {
    while (this.#at < this.#bytes.length) {
      const [address, ...names] = this.#words()
      // An address with a scope (fe80::1%lo0) means something on one host only.
      if (address === undefined || address.includes('%')) continue
      if (isIP(address) === 0) {
        const cause = new ContainerDnsError('CDNS_ADDRESS_INVALID', `${describe(address)} is not an address`)
        throw new SyntaxFault(this.line, cause.message, { cause })
      }
      if (names.length === 0) throw new SyntaxFault(this.line, `${address} has no name`)
      this.address = address
      this.names = names
      return true
    }
    return false
  }

  #words(): string[] {
    const newline = this.#bytes.indexOf(NEWLINE, this.#at)
    const end = newline === -1 ? this.#bytes.length : newline
    const text = this.#bytes.toString('latin1', this.#at, end).split('#', 1)[0]!
    this.#at = end + 1
    this.line++
    return text.split(/\s+/).filter((word) => word !== '')
  }
}

/** The name that has the PTR of an address: in `in-addr.arpa` (RFC 1035 §3.5), or in `ip6.arpa` (RFC 3596 §2.5). */
export function reverseName(rdata: Uint8Array): string {
  const octets = [...rdata].reverse()
  if (octets.length === IPV4_SIZE) return `${octets.join('.')}.in-addr.arpa`
  const nibbles = octets.flatMap((octet) => [octet & 0xf, octet >>> 4])
  return `${nibbles.map((nibble) => nibble.toString(16)).join('.')}.ip6.arpa`
}

const IPV4_SIZE = 4
