import { constants } from 'node:os'
import type { ContainerDnsError } from '../../errors.js'
import type { Libc } from '../libc.js'
import { Bpf } from './bpf.js'
import type { NetworkInterface } from './network-interface.js'
import type { XdpMode } from './options.js'
import { KEY_SIZE } from './place-key.js'
import { redirectProgram } from './redirect-program.js'
import { XDP_FLAGS_DRV_MODE, XDP_FLAGS_SKB_MODE } from './xdp-constants.js'
import { xdpError } from './xdp-error.js'

/** How a program runs: in the driver, or in the kernel's general receive path. */
export type AttachedMode = 'native' | 'generic'

/** The program of one interface, its maps and its link. Main thread. */
export class Redirection {
  readonly #libc: Libc
  readonly #bpf: Bpf
  readonly #interface: NetworkInterface
  readonly #placesFd: number
  readonly #socketsFd: number
  readonly #programFd: number
  /** The keys in the map of places, as text. */
  #places = new Map<string, Uint8Array>()
  #linkFd = -1
  #isClosed = false

  /** Loads the program; it is attached by `attach`. Throws what `xdpError` makes of a failure. */
  constructor(libc: Libc, target: NetworkInterface, ports: readonly number[]) {
    this.#libc = libc
    this.#bpf = new Bpf(libc)
    this.#interface = target
    const opened: number[] = []
    const keep = (step: string, fd: number) => {
      if (fd < 0) throw this.#error(step)
      opened.push(fd)
      return fd
    }
    try {
      this.#placesFd = keep('BPF_MAP_CREATE', this.#bpf.createHashMap(KEY_SIZE, VALUE.length, MAX_PLACES))
      this.#socketsFd = keep('BPF_MAP_CREATE', this.#bpf.createSocketMap(target.queues))
      const rules = { mac: target.mac, ports, placesFd: this.#placesFd, socketsFd: this.#socketsFd }
      this.#programFd = this.#load(redirectProgram(rules))
    } catch (error) {
      for (const fd of opened) libc.close(fd)
      throw error
    }
  }

  /** What comes on the queue goes to the AF_XDP socket from now on, until that is closed. */
  addSocket(queue: number, fd: number): void {
    const result = this.#bpf.setElement(this.#socketsFd, wordBytes(queue), wordBytes(fd))
    if (result < 0) throw this.#error('BPF_MAP_UPDATE_ELEM')
  }

  /** Answers at these places and no others; keys are those of `place-key.ts`. What there is no room for is left to the kernel. */
  setPlaces(keys: readonly Uint8Array[]): void {
    if (this.#isClosed) return
    const wanted = new Map(keys.slice(0, MAX_PLACES).map((key) => [Buffer.from(key).toString('latin1'), key]))
    for (const [text, key] of this.#places) if (!wanted.has(text)) this.#bpf.deleteElement(this.#placesFd, key)
    for (const [text, key] of wanted) {
      if (!this.#places.has(text) && this.#bpf.setElement(this.#placesFd, key, VALUE) < 0) wanted.delete(text)
    }
    this.#places = wanted
  }

  /** Has the interface run the program. Throws what `xdpError` makes of a failure. */
  attach(mode: XdpMode): AttachedMode {
    if (mode !== 'generic') {
      this.#linkFd = this.#bpf.attach(this.#programFd, this.#interface.index, XDP_FLAGS_DRV_MODE)
      if (this.#linkFd >= 0) return 'native'
      const errno = this.#libc.errno()
      if (mode === 'native' || !this.#mayBeTheDriver(errno)) throw this.#error('BPF_LINK_CREATE in native mode', errno)
    }
    this.#linkFd = this.#bpf.attach(this.#programFd, this.#interface.index, XDP_FLAGS_SKB_MODE)
    if (this.#linkFd < 0) throw this.#error('BPF_LINK_CREATE')
    return 'generic'
  }

  /** The interface is as it was: all goes through the kernel. */
  detach(): void {
    if (this.#linkFd >= 0) this.#libc.close(this.#linkFd)
    this.#linkFd = -1
  }

  /** May be called twice. */
  close(): void {
    if (this.#isClosed) return
    this.detach()
    this.#isClosed = true
    for (const fd of [this.#programFd, this.#socketsFd, this.#placesFd]) this.#libc.close(fd)
  }

  /** Rights and other owners are in the way of generic mode as well. */
  #mayBeTheDriver(errno: number): boolean {
    const { EACCES, EBUSY, EEXIST, ENODEV, EPERM } = constants.errno
    return ![EACCES, EBUSY, EEXIST, ENODEV, EPERM].includes(errno)
  }

  #load(program: Uint8Array): number {
    const fd = this.#bpf.loadXdpProgram(program)
    if (fd >= 0) return fd
    const errno = this.#libc.errno()
    // Again, to hear what the verifier says.
    const log = new ArrayBuffer(VERIFIER_LOG_BYTES)
    this.#bpf.loadXdpProgram(program, log)
    const text = Buffer.from(log).toString('latin1').replace(/\0.*$/s, '').trim()
    throw this.#error('BPF_PROG_LOAD', errno, text === '' ? '' : `: ${text}`)
  }

  #error(step: string, errno = this.#libc.errno(), detail = ''): ContainerDnsError {
    return xdpError(this.#interface.name, step, errno, detail)
  }
}

/** Addresses times ports, with a tag and without: a host with more leaves the rest to its kernel. */
const MAX_PLACES = 4096
/** A place is there or not. */
const VALUE = wordBytes(1)
const VERIFIER_LOG_BYTES = 65_536

function wordBytes(value: number): Uint8Array {
  return new Uint8Array(new Uint32Array([value]).buffer)
}
