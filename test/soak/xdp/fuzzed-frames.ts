import fc from 'fast-check'
import type { FastRandom } from '../../../lib/fast-random.js'
import { datagram } from '../../fuzz/datagrams.js'
import { buildFrame, type FrameParts, onesComplementSum } from '../../transport/xdp/raw-frames.js'

/** The id of queries that nothing may come back for: in frames that are for somebody else, and in those that are broken so that nobody may read them. */
export const NOT_OURS = 0xdead
/** Of all others. */
export const OURS = 7

/** Frames of which half are as they should be, and the others wrong in one layer or another, by turns. The first of `queries` goes over IPv4, the second over IPv6. */
export function fuzzedFrames([ipv4, ipv6]: readonly [FrameParts, FrameParts], count: number, random: FastRandom) {
  const messages = fc.sample(datagram, { numRuns: 256, seed: random.below(2 ** 31) })
  return Array.from({ length: count }, (_, i) => {
    const isIpv6 = (i >>> 1) % 4 === 3
    const good = isIpv6 ? ipv6 : ipv4
    if (i % 2 === 0) return buildFrame(good)
    const wrongs = WRONGS.filter(({ only }) => only === undefined || only === (isIpv6 ? 6 : 4))
    const { frameOf, isAnswered } = wrongs[random.below(wrongs.length)]!
    const message = Buffer.from(messages[random.below(messages.length)]!.slice(0, MAX_MESSAGE))
    return frameOf(new Draft(good, isAnswered ? OURS : NOT_OURS, message, random))
  })
}

/** As an MTU of 1500 has room for, with any headers. */
const MAX_MESSAGE = 1200

const ETHERNET_TYPE = 12
const NETWORK = 14
const OTHER_TYPES = [0x0806, 0x8035, 0x86de, 0x0801, 0x0000, 0x05dc, 0x8847, 0x88cc]
/** Neither to be answered nor to be sent from: nothing, multicast, the last of all, and our own loopback. */
const ODD_SOURCES = {
  4: ['0.0.0.0', '0.1.2.3', '224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255', '127.0.0.1'],
  6: ['::', '::1', 'ff02::1', 'ff0e::1234'],
}

/** What may be done to a frame. `isAnswered` where somebody may answer it, us or the kernel's sockets: it need not be. */
interface Wrong {
  readonly frameOf: (draft: Draft) => Buffer
  readonly isAnswered?: true
  readonly only?: 4 | 6
}

/** A query for the server and how to spoil it. */
class Draft {
  readonly parts: FrameParts
  readonly random: FastRandom
  /** A message of DNS that a fuzzer made, with the id of this frame. */
  readonly message: Buffer
  readonly isIpv6: boolean
  readonly transport: number

  constructor(query: FrameParts, id: number, message: Buffer, random: FastRandom) {
    const payload = Buffer.from(query.payload)
    payload.writeUInt16BE(id)
    if (message.length >= 2) message.writeUInt16BE(id)
    this.parts = { ...query, payload }
    this.message = message
    this.random = random
    this.isIpv6 = query.destination.includes(':')
    this.transport = NETWORK + (this.isIpv6 ? 40 : 20)
  }

  build(changed: Partial<FrameParts> = {}): Buffer {
    return buildFrame({ ...this.parts, ...changed })
  }

  /** The frame with something written to it, with the checksum of IPv4 right again. */
  with(write: (frame: Buffer) => void, frame = this.build()): Buffer {
    write(frame)
    if (this.isIpv6) return frame
    frame.writeUInt16BE(0, NETWORK + 10)
    const header = frame.subarray(NETWORK, NETWORK + 4 * Math.max(5, frame[NETWORK]! & 0x0f))
    frame.writeUInt16BE(~onesComplementSum(header) & 0xffff, NETWORK + 10)
    return frame
  }

  pick<T>(of: readonly T[]): T {
    return of[this.random.below(of.length)]!
  }

  below(bound: number): number {
    return this.random.below(bound)
  }
}

const ETHERNET: readonly Wrong[] = [
  { frameOf: (draft) => draft.build({ destinationMac: Uint8Array.of(2, draft.below(256), 1, 2, 3, 4) }) },
  { frameOf: (draft) => draft.build({ destinationMac: new Uint8Array(6).fill(0xff) }), isAnswered: true },
  { frameOf: (draft) => draft.build({ sourceMac: Uint8Array.of(1, 0, 0x5e, 1, 2, 3) }) },
  { frameOf: (draft) => draft.with((frame) => frame.writeUInt16BE(draft.pick(OTHER_TYPES), ETHERNET_TYPE)) },
  // Cut anywhere: in each header and in the question.
  { frameOf: (draft) => cut(draft, draft.build()) },
  { frameOf: (draft) => draft.build({ padding: draft.below(64) }), isAnswered: true },
]

const VLAN: readonly Wrong[] = [
  { frameOf: (draft) => draft.build({ vlans: tags(draft, 1 + draft.below(2)) }), isAnswered: true },
  { frameOf: (draft) => draft.build({ vlans: tags(draft, 3 + draft.below(3)) }) },
  { frameOf: (draft) => cut(draft, draft.build({ vlans: tags(draft, 1 + draft.below(2)) })) },
]

const IPV4 = only(4, [
  // Version and length of the header.
  { frameOf: (draft) => draft.with((frame) => (frame[NETWORK] = draft.pick([0x05, 0x35, 0x55, 0x65, 0xf5]))) },
  { frameOf: (draft) => draft.with((frame) => (frame[NETWORK] = 0x40 + draft.below(5))) },
  // Options, which the kernel reads: some that do nothing.
  { frameOf: (draft) => withOptions(draft), isAnswered: true },
  // The length of all: more than there is, or less.
  { frameOf: (draft) => draft.with((frame) => frame.writeUInt16BE(frame.length + draft.below(2000), NETWORK + 2)) },
  { frameOf: (draft) => draft.with((frame) => frame.writeUInt16BE(draft.below(frame.length - 14), NETWORK + 2)) },
  // Fragments of which there are always more to come.
  {
    frameOf: (draft) =>
      draft.with((frame) => {
        frame.writeUInt16BE(draft.below(0x10000), NETWORK + 4)
        frame.writeUInt16BE(0x2000 | (draft.below(2) * draft.below(0x1fff)), NETWORK + 6)
      }),
  },
  { frameOf: (draft) => draft.with((frame) => (frame[NETWORK + 9] = draft.pick([0, 1, 6, 18, 41, 58, 136, 255]))) },
  { frameOf: (draft) => flipped(draft, draft.build(), NETWORK, NETWORK + 20) },
  { frameOf: (draft) => draft.build({ destination: `203.0.113.${draft.below(256)}` }) },
])

const IPV6 = only(6, [
  { frameOf: (draft) => draft.with((frame) => (frame[NETWORK] = draft.pick([0x00, 0x40, 0x50, 0x70, 0xf0]))) },
  { frameOf: (draft) => draft.with((frame) => frame.writeUInt16BE(frame.length + draft.below(2000), NETWORK + 4)) },
  { frameOf: (draft) => draft.with((frame) => frame.writeUInt16BE(draft.below(frame.length - 54), NETWORK + 4)) },
  { frameOf: (draft) => draft.with((frame) => (frame[NETWORK + 6] = draft.pick([1, 6, 18, 43, 50, 59, 136, 255]))) },
  // Headers in between: options for each hop that do nothing, and a fragment with more to come.
  { frameOf: (draft) => withExtension(draft, 0, Uint8Array.of(17, 0, 1, 4, 0, 0, 0, 0)), isAnswered: true },
  { frameOf: (draft) => withExtension(draft, 44, Uint8Array.of(17, 0, 0, 1, 0, 0, draft.below(256), 1)) },
  { frameOf: (draft) => draft.build({ checksum: 'none' }) },
  { frameOf: (draft) => draft.build({ destination: `2001:db8:52::${draft.below(9999)}` }) },
])

const UDP: readonly Wrong[] = [
  { frameOf: (draft) => draft.build({ source: draft.pick(ODD_SOURCES[draft.isIpv6 ? 6 : 4]) }) },
  { frameOf: (draft) => draft.build({ sourcePort: 0 }) },
  { frameOf: (draft) => draft.build({ destinationPort: draft.parts.destinationPort ^ (1 + draft.below(1024)) }) },
  { frameOf: (draft) => draft.build({ checksum: 'bad', padding: draft.below(30) }) },
  {
    frameOf: (draft) => draft.build({ checksum: draft.isIpv6 ? 'partial' : draft.pick(['none', 'partial']) }),
    isAnswered: true,
  },
  // Its length: shorter than its own header, longer than what IP has.
  { frameOf: (draft) => draft.with((frame) => frame.writeUInt16BE(draft.below(8), draft.transport + 4)) },
  {
    frameOf: (draft) =>
      draft.with((frame) => frame.writeUInt16BE(frame.length + draft.below(60_000), draft.transport + 4)),
  },
  { frameOf: (draft) => flipped(draft, draft.build(), draft.transport, Number.POSITIVE_INFINITY) },
]

const DNS: readonly Wrong[] = [
  { frameOf: (draft) => draft.build({ payload: draft.message }), isAnswered: true },
  { frameOf: (draft) => draft.build({ payload: draft.parts.payload.subarray(0, draft.below(12)) }) },
  // A response: who answers one may have it answered for ever.
  { frameOf: (draft) => draft.build({ payload: withOctet(draft.parts.payload, 2, 0x80 | draft.below(128)) }) },
  // Opcodes, flags and counts.
  {
    frameOf: (draft) => draft.build({ payload: withOctet(draft.parts.payload, 2 + draft.below(10), draft.below(128)) }),
    isAnswered: true,
  },
]

const WRONGS = [...ETHERNET, ...VLAN, ...IPV4, ...IPV6, ...UDP, ...DNS]

/** Of what there is in one version of IP alone. */
function only(version: 4 | 6, wrongs: readonly Wrong[]): readonly Wrong[] {
  return wrongs.map((wrong) => ({ ...wrong, only: version }))
}

function tags(draft: Draft, count: number): number[] {
  return Array.from({ length: count }, () => draft.below(0x10000))
}

/** Not behind the datagram, where there is none. */
function cut(draft: Draft, frame: Buffer): Buffer {
  return frame.subarray(0, NETWORK + draft.below(frame.length - NETWORK))
}

function withOptions(draft: Draft): Buffer {
  const frame = draft.build()
  const count = 1 + draft.below(10)
  const longer = Buffer.concat([
    frame.subarray(0, NETWORK + 20),
    Buffer.alloc(4 * count, 1),
    frame.subarray(NETWORK + 20),
  ])
  return draft.with((to) => {
    to[NETWORK] = 0x45 + count
    to.writeUInt16BE(longer.length - NETWORK, NETWORK + 2)
  }, longer)
}

function withExtension(draft: Draft, number: number, header: Uint8Array): Buffer {
  const frame = draft.build()
  const longer = Buffer.concat([frame.subarray(0, draft.transport), header, frame.subarray(draft.transport)])
  longer[NETWORK + 6] = number
  longer.writeUInt16BE(longer.length - draft.transport, NETWORK + 4)
  return longer
}

/** One bit, which every sum of ones' complement tells; but not so that UDP says that there is none, or that a card is to make it. */
function flipped(draft: Draft, frame: Buffer, from: number, before: number): Buffer {
  const checksumAt = draft.transport + 6
  const end = Math.min(before, frame.length)
  let at = from + draft.below(end - from)
  if (at === checksumAt || at === checksumAt + 1) at = from
  frame[at] = frame[at]! ^ (1 << draft.below(8))
  return frame
}

function withOctet(payload: Uint8Array, at: number, value: number): Uint8Array {
  const changed = Uint8Array.from(payload)
  changed[at] = value
  return changed
}
