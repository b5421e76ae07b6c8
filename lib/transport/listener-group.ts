import { fstatSync, readFileSync } from 'node:fs'
import type { Libc } from './libc.js'
import { SO_ATTACH_REUSEPORT_CBPF, SO_DETACH_REUSEPORT_BPF, SOL_SOCKET } from './linux-constants.js'

// sock_filter: | code u16 | jump if true u8, if false u8 | k u32 |   sock_fprog: | length u16, 6 unused | filters u64 |
const SOCK_FILTER_SIZE = 8
const K = 4
const SOCK_FPROG_SIZE = 16
const FILTERS = 8
/** BPF_RET with BPF_K: ends the program with a constant, here the place in the group. */
const RETURN_CONSTANT = 0x06

/**
 * The sockets that listen on one address and port, one a server, over which Linux spreads new connections.
 *
 * A listening socket cannot be taken out of the group but by closing it, which resets what is queued, and handshakes that are under
 * way. So the one that is about to leave has a program of one line choose the other one for all new connections.
 */
export class ListenerGroup {
  readonly #libc: Libc
  readonly #fd: number
  /** The kernel is given its address, which the garbage collector does not know of. */
  readonly #filter = new ArrayBuffer(SOCK_FILTER_SIZE)
  /** Those that were there before us, by inode. */
  #elders: ReadonlySet<number> = new Set()

  constructor(libc: Libc, fd: number) {
    this.#libc = libc
    this.#fd = fd
  }

  /** Once we listen: the program of one that has left before us would keep all connections from somebody. */
  join(): void {
    this.#libc.setsockopt(this.#fd, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, new Int32Array(1), 4)
    this.#elders = new Set(this.#others())
  }

  /**
   * Sends new connections to the other one. With none, or several, everything stays as it is: there would be nobody to send them
   * to, or no way to say who, as the kernel tells nobody's place.
   */
  leave(): void {
    const others = this.#others()
    if (others.length !== 1) return
    // The kernel numbers them as they came, and fills a gap with the last.
    const place = this.#elders.has(others[0]!) ? 0 : 1
    const program = this.#programReturning(place)
    this.#libc.setsockopt(this.#fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, program, program.length)
  }

  #others(): number[] {
    const own = fstatSync(this.#fd).ino
    return othersBeside(own, TABLES.map(readTable).join('\n'))
  }

  #programReturning(place: number): Uint8Array {
    const filter = new DataView(this.#filter)
    filter.setUint16(0, RETURN_CONSTANT, true)
    filter.setUint32(K, place, true)
    const program = new Uint8Array(SOCK_FPROG_SIZE)
    const view = new DataView(program.buffer)
    view.setUint16(0, 1, true)
    view.setBigUint64(FILTERS, BigInt(this.#libc.addressOf(this.#filter)), true)
    return program
  }
}

const TABLES = ['/proc/self/net/tcp', '/proc/self/net/tcp6']

/** Empty where there is none, or no IPv6. */
function readTable(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

// A row of the kernel's table: `sl: local remote state tx:rx tr:when retransmit uid timeout inode …`, in hexadecimal up to the state.
const LOCAL = 1
const STATE = 3
const INODE = 9
const STATE_LISTEN = '0A'

/** The inodes of those that listen on the same address and port as one. */
export function othersBeside(inode: number, table: string): number[] {
  const rows = table.split('\n').map((line) => line.trim().split(/\s+/))
  const listeners = rows.filter((row) => row[STATE] === STATE_LISTEN)
  const own = listeners.find((row) => Number(row[INODE]) === inode)
  return listeners.filter((row) => row !== own && row[LOCAL] === own?.[LOCAL]).map((row) => Number(row[INODE]))
}
