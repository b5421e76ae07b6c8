import { type Bounds, describe, numberWithin, parseBoolean, refuseUnknownKeys, wholeNumber } from '../../bounds.js'
import { ContainerDnsError } from '../../errors.js'

/** `native` runs the program in the driver, `generic` behind it, with any driver; `auto` takes the first that works. */
export type XdpMode = 'auto' | 'native' | 'generic'

/** The AF_XDP transport, for `transport: 'xdp'` and `'auto-xdp'`. See docs/xdp.md. */
export interface XdpOptions {
  /** Names of the interfaces that queries come over, such as `eth0`. */
  interfaces: string[]
  /** Numbers of the rx queues to take; default: all that an interface has. */
  queues?: number[]
  /** Default `auto`. */
  mode?: XdpMode
  /** Whether cards write into our memory; default: where the driver can. `true` refuses to start without. */
  zeroCopy?: boolean
  /** Frames of 2 KiB for each queue, a power of 2; default 4096, and less where RLIMIT_MEMLOCK is short. 256 to 65 536. */
  frames?: number
}

export interface ParsedXdp {
  readonly interfaces: readonly string[]
  /** Undefined: all. */
  readonly queues: readonly number[] | undefined
  readonly mode: XdpMode
  /** Undefined: where the driver can. */
  readonly zeroCopy: boolean | undefined
  readonly frames: number
  /** Whether fewer frames will do. */
  readonly mayHaveFewerFrames: boolean
}

export const XDP_MODES = ['auto', 'native', 'generic'] as const
/** 8 MiB: a burst of 3 584 queries, and what RLIMIT_MEMLOCK is on most systems. */
export const XDP_FRAMES: Bounds = { default: 4096, min: 256, max: 65_536, unit: 'frames' }
const QUEUE_NUMBER = { min: 0, max: 1023 }

/** Throws CDNS_OPTION_UNKNOWN and CDNS_OPTION_INVALID. Undefined where nothing is given. */
export function parseXdp(given: XdpOptions | undefined): ParsedXdp | undefined {
  if (given === undefined) return undefined
  refuseUnknownKeys('xdp', given, ['interfaces', 'queues', 'mode', 'zeroCopy', 'frames'])
  const { interfaces, queues, mode = 'auto', zeroCopy, frames } = given
  if (!XDP_MODES.includes(mode)) {
    throw invalid(`xdp.mode must be one of ${XDP_MODES.join(', ')}, got ${describe(mode)}`)
  }
  return Object.freeze({
    interfaces: parseInterfaces(interfaces),
    queues: queues === undefined ? undefined : parseQueues(queues),
    mode,
    zeroCopy: zeroCopy === undefined ? undefined : parseBoolean('xdp.zeroCopy', zeroCopy),
    frames: parseFrames(frames),
    mayHaveFewerFrames: frames === undefined,
  })
}

function parseInterfaces(given: unknown): readonly string[] {
  const isGood =
    Array.isArray(given) &&
    given.length > 0 &&
    // As the kernel has it: up to 15 bytes, no slash, no space.
    given.every((name, i) => typeof name === 'string' && /^[^/\s:]{1,15}$/.test(name) && given.indexOf(name) === i)
  if (isGood) return Object.freeze([...given])
  throw invalid(`xdp.interfaces must be an array of names of interfaces, each once, got ${describe(given)}`)
}

function parseQueues(given: unknown): readonly number[] {
  if (!Array.isArray(given) || given.length === 0 || new Set(given).size !== given.length) {
    throw invalid(`xdp.queues must be an array of numbers of queues, each once, got ${describe(given)}`)
  }
  return Object.freeze(
    Array.from(given, (queue, i) => wholeNumber(`xdp.queues[${i}]`, queue, QUEUE_NUMBER, 'CDNS_OPTION_INVALID')),
  )
}

function parseFrames(given: unknown): number {
  const frames = numberWithin('xdp.frames', given, XDP_FRAMES)
  if ((frames & (frames - 1)) === 0) return frames
  throw invalid(`xdp.frames must be a power of 2, got ${describe(given)}`)
}

function invalid(message: string): ContainerDnsError {
  return new ContainerDnsError('CDNS_OPTION_INVALID', message)
}
