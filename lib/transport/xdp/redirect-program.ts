import { BpfAssembler, type Register } from './bpf-assembler.js'
import {
  ETHERNET_DESTINATION,
  ETHERNET_SIZE,
  ETHERNET_TYPE,
  FRAME_SIZE,
  IPV4_DESTINATION,
  IPV4_FRAGMENT,
  IPV4_FRAGMENT_MASK,
  IPV4_PLAIN,
  IPV4_PROTOCOL,
  IPV4_SIZE,
  IPV4_VERSION,
  IPV6_DESTINATION,
  IPV6_NEXT_HEADER,
  IPV6_SIZE,
  IPV6_VERSION,
  MAX_VLAN_TAGS,
  PROTOCOL_UDP,
  TYPE_IPV4,
  TYPE_IPV6,
  TYPES_VLAN,
  UDP_DESTINATION,
  UDP_SIZE,
  VLAN_TAG_SIZE,
  VLAN_TCI,
} from './frame-layout.js'
import { swap16 } from './internet-checksum.js'
import { KEY_ADDRESS, KEY_IS_TAGGED, KEY_PORT, KEY_SIZE } from './place-key.js'
import { XDP_PACKET_HEADROOM, XDP_PASS } from './xdp-constants.js'

/** What a program is made for. */
export interface RedirectRules {
  /** Of the interface: a frame for another one is not ours, whatever it holds. */
  readonly mac: Uint8Array
  readonly ports: readonly number[]
  /** A hash map with the keys of `place-key.ts`: where we answer. */
  readonly placesFd: number
  /** An XSKMAP: the AF_XDP socket of each rx queue. */
  readonly socketsFd: number
}

/**
 * The program that the kernel runs for each frame of an interface: what is a datagram for one of our addresses and ports goes to the
 * socket of its rx queue, and everything else on its way through the kernel, as does what is for us on a queue with no socket.
 *
 * Options of IPv4, extension headers of IPv6 and fragments are left to the kernel. Lengths and checksums are looked at by `frame-reader.ts`:
 * a datagram for our port that is wrong there would be dropped by the kernel, too.
 */
export function redirectProgram({ mac, ports, placesFd, socketsFd }: RedirectRules): Uint8Array {
  const program = new BpfAssembler()
  const macView = new DataView(mac.buffer, mac.byteOffset, mac.byteLength)
  program
    .copy(CONTEXT, 1)
    .load(4, AT, CONTEXT, CONTEXT_DATA)
    .load(4, END, CONTEXT, CONTEXT_DATA_END)
    // A frame that is larger than our memory for one would be lost: `if (END > AT + LARGEST_FRAME) goto pass`. What lies between the two can be
    // had by subtraction only with CAP_PERFMON.
    .copy(2, AT)
    .add(2, LARGEST_FRAME)
    .jumpIfAbove(END, 2, 'pass')
  refuseShorter(program, ETHERNET_SIZE + IPV4_SIZE + UDP_SIZE)
  program
    // Broadcasts, multicasts, and what a port mirror or a flooding switch has brought here.
    .load(4, 2, AT, ETHERNET_DESTINATION)
    .jumpUnlessEqual(2, macView.getInt32(0, true), 'pass')
    .load(2, 2, AT, ETHERNET_DESTINATION + 4)
    .jumpUnlessEqual(2, macView.getUint16(4, true), 'pass')
    .set(IS_TAGGED, 0)
    .load(2, TYPE, AT, ETHERNET_TYPE)
  for (let tag = 0; tag < MAX_VLAN_TAGS; tag++) skipVlanTag(program, `after tag ${tag}`)
  program.label('network').jumpIfEqual(TYPE, swap16(TYPE_IPV4), 'IPv4').jumpUnlessEqual(TYPE, swap16(TYPE_IPV6), 'pass')
  matchIpv6(program)
  program.label('IPv4')
  matchIpv4(program)
  program
    .label('port')
    .store(2, STACK, KEY + KEY_PORT, PORT)
    .store(2, STACK, KEY + KEY_IS_TAGGED, IS_TAGGED)
  // Most of what passes is not DNS: a comparison or two spares it the look into the map.
  for (const port of new Set(ports)) program.jumpIfEqual(PORT, swap16(port), 'place')
  return (
    program
      .jump('pass')
      // `if (bpf_map_lookup_elem(places, key) == NULL) goto pass`
      .label('place')
      .loadMap(1, placesFd)
      .copy(2, STACK)
      .add(2, KEY)
      .call(BPF_MAP_LOOKUP_ELEM)
      .jumpIfNull(0, 'pass')
      // `return bpf_redirect_map(sockets, context->rx_queue_index, XDP_PASS)`: the last is what it returns where there is no socket.
      .loadMap(1, socketsFd)
      .load(4, 2, CONTEXT, CONTEXT_RX_QUEUE)
      .set(3, XDP_PASS)
      .call(BPF_REDIRECT_MAP)
      .exit()
      .label('pass')
      .set(0, XDP_PASS)
      .exit()
      .assemble()
  )
}

// What registers hold throughout; r2 is for what is looked at once.
const TYPE: Register = 3
const PORT: Register = 4
const CONTEXT: Register = 6
/** Where the frame begins; four bytes later with each VLAN tag, so that offsets stay the same. */
const AT: Register = 7
const END: Register = 8
const IS_TAGGED: Register = 9
const STACK: Register = 10

/** Where the key of a place is put together on the stack, which goes downwards. */
const KEY = -KEY_SIZE

// xdp_md: | data u32 | data_end u32 | data_meta u32 | ingress_ifindex u32 | rx_queue_index u32 |
const CONTEXT_DATA = 0
const CONTEXT_DATA_END = CONTEXT_DATA + 4
const CONTEXT_RX_QUEUE = CONTEXT_DATA_END + 4 + 4 + 4

// Functions of the kernel.
const BPF_MAP_LOOKUP_ELEM = 1
const BPF_REDIRECT_MAP = 51

export const LARGEST_FRAME = FRAME_SIZE - XDP_PACKET_HEADROOM

/** The lower 12 bits of a VLAN tag's second half, as read by a little-endian machine. 0 is a tag for its priority alone. */
const VLAN_ID = swap16(0x0fff)

/** `if (AT + size > END) goto pass`: the verifier lets nothing be read that was not asked about so. */
function refuseShorter(program: BpfAssembler, size: number): void {
  program.copy(2, AT).add(2, size).jumpIfAbove(2, END, 'pass')
}

/** Steps over a VLAN tag, notes whether it names a VLAN, and goes to the network layer if there is no tag. */
function skipVlanTag(program: BpfAssembler, after: string): void {
  const tag = `${after}: tag`
  for (const type of TYPES_VLAN) program.jumpIfEqual(TYPE, swap16(type), tag)
  program.jump('network').label(tag).load(2, 2, AT, VLAN_TCI).and(2, VLAN_ID)
  program.jumpIfEqual(2, 0, after).set(IS_TAGGED, 1).label(after).add(AT, VLAN_TAG_SIZE)
  refuseShorter(program, ETHERNET_SIZE + IPV4_SIZE + UDP_SIZE)
  program.load(2, TYPE, AT, ETHERNET_TYPE)
}

function matchIpv4(program: BpfAssembler): void {
  program
    .load(1, 2, AT, ETHERNET_SIZE + IPV4_VERSION)
    .jumpUnlessEqual(2, IPV4_PLAIN, 'pass')
    .load(2, 2, AT, ETHERNET_SIZE + IPV4_FRAGMENT)
    .and(2, swap16(IPV4_FRAGMENT_MASK))
    .jumpUnlessEqual(2, 0, 'pass')
    .load(1, 2, AT, ETHERNET_SIZE + IPV4_PROTOCOL)
    .jumpUnlessEqual(2, PROTOCOL_UDP, 'pass')
    // As IPv6 writes an address of IPv4: ::ffff:192.0.2.1.
    .storeValue(4, STACK, KEY + KEY_ADDRESS, 0)
    .storeValue(4, STACK, KEY + KEY_ADDRESS + 4, 0)
    .storeValue(2, STACK, KEY + KEY_ADDRESS + 8, 0)
    .storeValue(2, STACK, KEY + KEY_ADDRESS + 10, 0xffff)
    .load(4, 2, AT, ETHERNET_SIZE + IPV4_DESTINATION)
    .store(4, STACK, KEY + KEY_ADDRESS + 12, 2)
    .load(2, PORT, AT, ETHERNET_SIZE + IPV4_SIZE + UDP_DESTINATION)
}

function matchIpv6(program: BpfAssembler): void {
  refuseShorter(program, ETHERNET_SIZE + IPV6_SIZE + UDP_SIZE)
  program
    .load(1, 2, AT, ETHERNET_SIZE + IPV6_VERSION)
    .and(2, 0xf0)
    .jumpUnlessEqual(2, 0x60, 'pass')
    .load(1, 2, AT, ETHERNET_SIZE + IPV6_NEXT_HEADER)
    .jumpUnlessEqual(2, PROTOCOL_UDP, 'pass')
  for (let at = 0; at < 16; at += 4) {
    program.load(4, 2, AT, ETHERNET_SIZE + IPV6_DESTINATION + at).store(4, STACK, KEY + KEY_ADDRESS + at, 2)
  }
  program.load(2, PORT, AT, ETHERNET_SIZE + IPV6_SIZE + UDP_DESTINATION).jump('port')
}
