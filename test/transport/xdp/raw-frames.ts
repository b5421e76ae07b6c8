import { isIPv6 } from 'node:net'
import { BATCH_SIZE } from '../../../lib/transport/datagram-transport.js'
import { type Libc, loadLibc } from '../../../lib/transport/libc.js'
import { MSG_DONTWAIT } from '../../../lib/transport/linux-constants.js'
import { HEADER_SIZE, MessageHeaders } from '../../../lib/transport/message-headers.js'
import { CONTROL_CAPACITY } from '../../../lib/transport/packet-info.js'
import { SlotMemory, writeAddress } from '../../../lib/transport/slot-memory.js'
import { encodeSocketAddress, IPV4_ADDRESS, IPV6_ADDRESS } from '../../../lib/transport/socket-address.js'
import { readInterface } from '../../../lib/transport/xdp/network-interface.js'

/** A datagram and what it is packed in. Written apart from the library, from the RFCs, so that the two can be held together. */
export interface FrameParts {
  readonly destinationMac: Uint8Array
  readonly sourceMac: Uint8Array
  /** VLAN tags, the outer one first. */
  readonly vlans?: readonly number[]
  readonly source: string
  readonly destination: string
  readonly sourcePort: number
  readonly destinationPort: number
  readonly payload: Uint8Array
  /** Of UDP. `partial` is what stands there where a card is to complete it. */
  readonly checksum?: 'good' | 'bad' | 'none' | 'partial'
  /** Behind the datagram, as Ethernet pads what is short. */
  readonly padding?: number
}

const libc: Libc = loadLibc()

export function octets(address: string): Buffer {
  const encoded = Buffer.from(encodeSocketAddress(libc, address, 0)!)
  return isIPv6(address)
    ? encoded.subarray(IPV6_ADDRESS, IPV6_ADDRESS + 16)
    : encoded.subarray(IPV4_ADDRESS, IPV4_ADDRESS + 4)
}

export function buildFrame(parts: FrameParts): Buffer {
  const isV6 = isIPv6(parts.destination)
  const source = octets(parts.source)
  const destination = octets(parts.destination)
  const udpLength = 8 + parts.payload.length
  const udp = Buffer.concat([words(parts.sourcePort, parts.destinationPort, udpLength, 0), parts.payload])
  const pseudo = Buffer.concat([source, destination, words(0, 17, 0, udpLength)])
  udp.writeUInt16BE(udpChecksum(pseudo, udp, parts.checksum ?? 'good'), 6)
  const ip = isV6 ? ipv6Header(source, destination, udpLength) : ipv4Header(source, destination, udpLength)
  const tags = (parts.vlans ?? []).map((vlan, i, all) => words(i < all.length - 1 ? 0x88a8 : 0x8100, vlan))
  return Buffer.concat([
    ...[parts.destinationMac, parts.sourceMac, ...tags, words(isV6 ? 0x86dd : 0x0800)],
    ...[ip, udp, Buffer.alloc(parts.padding ?? 0)],
  ])
}

function udpChecksum(pseudo: Buffer, udp: Buffer, kind: NonNullable<FrameParts['checksum']>): number {
  if (kind === 'none') return 0
  if (kind === 'partial') return onesComplementSum(pseudo)
  const good = ~onesComplementSum(Buffer.concat([pseudo, udp])) & 0xffff || 0xffff
  return kind === 'good' ? good : good ^ 0x0400
}

function ipv4Header(source: Buffer, destination: Buffer, udpLength: number): Buffer {
  const header = Buffer.concat([words(0x4500, 20 + udpLength, 0x1234, 0, 0x4011, 0), source, destination])
  header.writeUInt16BE(~onesComplementSum(header) & 0xffff, 10)
  return header
}

function ipv6Header(source: Buffer, destination: Buffer, udpLength: number): Buffer {
  return Buffer.concat([words(0x6000, 0, udpLength, 0x1140), source, destination])
}

export function onesComplementSum(bytes: Uint8Array): number {
  let sum = 0
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i]! << 8) | (bytes[i + 1] ?? 0)) >>> 0
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000)
  return sum
}

function words(...values: number[]): Buffer {
  const bytes = Buffer.alloc(2 * values.length)
  for (const [i, value] of values.entries()) bytes.writeUInt16BE(value, 2 * i)
  return bytes
}

/** Sends and receives frames as they are. To be made on the side that it is on. */
export class FrameSocket implements Disposable {
  readonly mac: Uint8Array
  readonly #fd: number
  readonly #payloads = new SlotMemory(libc, BATCH_SIZE, 2048)
  readonly #controls = new SlotMemory(libc, BATCH_SIZE, CONTROL_CAPACITY)
  readonly #names = new SlotMemory(libc, BATCH_SIZE, 32)
  readonly #headers = new MessageHeaders(libc, {
    payloads: this.#payloads,
    names: this.#names,
    controls: this.#controls,
  })

  /** `protocol` is what it receives: all, or nothing. */
  constructor(interfaceName: string, protocol: typeof ETH_P_ALL | 0 = ETH_P_ALL) {
    const { index, mac } = readInterface(libc, interfaceName)!
    this.mac = mac
    this.#fd = libc.socket(AF_PACKET, SOCK_RAW, 0)
    // sockaddr_ll: | family u16 | protocol u16 | interface i32 | hardware type u16 | packet type u8 | length u8 | address 8 |
    const address = Buffer.alloc(20)
    address.writeUInt16LE(AF_PACKET, 0)
    address.writeUInt16BE(protocol, 2)
    address.writeInt32LE(index, 4)
    if (this.#fd < 0 || libc.bind(this.#fd, address, address.length) < 0) throw new Error(`errno ${libc.errno()}`)
    libc.setsockopt(this.#fd, SOL_PACKET, PACKET_AUXDATA, new Int32Array([1]), 4)
  }

  /** Says whether the interface took it: what is shorter than an Ethernet header, or too long, is refused. */
  send(frame: Uint8Array): boolean {
    return libc.write(this.#fd, frame, frame.length) === frame.length
  }

  /** By `sendmmsg`: the messages from number `first` on of an array of headers. Returns how many the interface took before one that it did not. */
  sendMany(headers: number, first: number, count: number): number {
    return libc.sendmmsg(this.#fd, headers + first * HEADER_SIZE, count, 0)
  }

  /** Receives only what a program of classic BPF gives anything but 0 for, of as many quadruples (code, jt, jf, k). */
  filter(program: readonly (readonly [number, number, number, number])[]): void {
    // sock_filter: | code u16 | jt u8 | jf u8 | k u32 |; sock_fprog: | length u16, pad 6 | sock_filter ptr 8 |
    const instructions = new SlotMemory(libc, program.length, 8)
    const view = new DataView(instructions.bytes.buffer)
    for (const [i, [code, jt, jf, k]] of program.entries()) {
      view.setUint16(8 * i, code, true)
      view.setUint8(8 * i + 2, jt)
      view.setUint8(8 * i + 3, jf)
      view.setUint32(8 * i + 4, k, true)
    }
    const all = new Uint32Array(4)
    all[0] = program.length
    writeAddress(all, 2, instructions.address)
    const result = libc.setsockopt(this.#fd, SOL_SOCKET, SO_ATTACH_FILTER, all, all.byteLength)
    if (result < 0) throw new Error(`SO_ATTACH_FILTER: errno ${libc.errno()}`)
  }

  /** What has come or gone, as it was on the wire: the kernel takes the outer tag off, and says so beside. */
  receive(): Buffer[] {
    for (let i = 0; i < BATCH_SIZE; i++) {
      this.#headers.setRoom(i, 32, CONTROL_CAPACITY)
      this.#headers.setPayloadLength(i, this.#payloads.stride)
    }
    const count = libc.recvmmsg(this.#fd, this.#headers.address, BATCH_SIZE, MSG_DONTWAIT, 0)
    return Array.from({ length: Math.max(0, count) }, (_, i) => this.#frame(i))
  }

  [Symbol.dispose](): void {
    libc.close(this.#fd)
  }

  #frame(i: number): Buffer {
    const length = this.#headers.receivedLength(i)
    const start = i * this.#payloads.stride
    const frame = Buffer.from(this.#payloads.bytes.slice(start, start + length))
    // tpacket_auxdata, behind 16 bytes of cmsghdr: | status u32 | length u32 | caught u32 | mac u16 | net u16 | TCI u16 | type u16 |
    const aux = new DataView(this.#controls.bytes.buffer, i * CONTROL_CAPACITY + 16, 20)
    if ((aux.getUint32(0, true) & TP_STATUS_VLAN_VALID) === 0) return frame
    const tag = words(aux.getUint16(18, true), aux.getUint16(16, true))
    return Buffer.concat([frame.subarray(0, 12), tag, frame.subarray(12)])
  }
}

const AF_PACKET = 17
const SOCK_RAW = 3
const ETH_P_ALL = 3
const SOL_SOCKET = 1
const SO_ATTACH_FILTER = 26
const SOL_PACKET = 263
const PACKET_AUXDATA = 8
const TP_STATUS_VLAN_VALID = 1 << 4
