import type { Libc } from '../libc.js'
import { AF_INET, SOCK_CLOEXEC, SOCK_DGRAM } from '../linux-constants.js'
import { writeAddress } from '../slot-memory.js'
import {
  ARPHRD_ETHER,
  ARPHRD_LOOPBACK,
  ETHTOOL_GCHANNELS,
  GET_VLAN_REALDEV_NAME_CMD,
  SIOCETHTOOL,
  SIOCGIFHWADDR,
  SIOCGIFINDEX,
  SIOCGIFMTU,
  SIOCGIFVLAN,
} from './xdp-constants.js'

/** What the kernel says of an interface that carries Ethernet frames. */
export interface NetworkInterface {
  readonly name: string
  readonly index: number
  readonly mac: Uint8Array
  readonly mtu: number
  /** As many rx queues as it has, as far as its driver tells; else one. */
  readonly queues: number
}

/** Undefined for an interface that is not there, and for one that carries no Ethernet frames. */
export function readInterface(libc: Libc, name: string): NetworkInterface | undefined {
  return withSocket(libc, (fd) => {
    const index = askInterface(libc, fd, SIOCGIFINDEX, name)?.getInt32(ANSWER, true)
    const hardware = askInterface(libc, fd, SIOCGIFHWADDR, name)
    const mtu = askInterface(libc, fd, SIOCGIFMTU, name)?.getInt32(ANSWER, true)
    if (index === undefined || hardware === undefined || mtu === undefined) return undefined
    // The loopback interface has Ethernet headers, too, with nothing but zeros in them.
    if (![ARPHRD_ETHER, ARPHRD_LOOPBACK].includes(hardware.getUint16(ANSWER, true))) return undefined
    const mac = new Uint8Array(hardware.buffer, ANSWER + HARDWARE_ADDRESS, MAC_SIZE)
    return { name, index, mac, mtu, queues: queuesOf(libc, fd, name) }
  })
}

/** Whether it is the VLAN of another interface: its frames have a tag there. */
export function isVlan(libc: Libc, name: string): boolean {
  if (name.length >= VLAN_NAME_SIZE) return false
  const found = withSocket(libc, (fd) => {
    // vlan_ioctl_args: | command i32 | name 24 | name of the other 24 | qos i16 |
    const question = new Uint8Array(4 + 2 * VLAN_NAME_SIZE + 4)
    new DataView(question.buffer).setInt32(0, GET_VLAN_REALDEV_NAME_CMD, true)
    question.set(new TextEncoder().encode(name), 4)
    return libc.ioctl(fd, SIOCGIFVLAN, question) >= 0
  })
  return found === true
}

// ifreq: | name 16 | what is asked for 24 |
const ANSWER = 16
const IFREQ_SIZE = ANSWER + 24
/** In a sockaddr, behind its family. */
const HARDWARE_ADDRESS = 2
const MAC_SIZE = 6
const VLAN_NAME_SIZE = 24

// ethtool_channels: | command u32 | most rx, tx, other, combined: 4 × u32 | rx u32 | tx u32 | other u32 | combined u32 |
const CHANNEL_WORDS = 9
const CHANNELS_RX = 5
const CHANNELS_COMBINED = 8

/** Any socket is good enough to ask by. */
function withSocket<Result>(libc: Libc, ask: (fd: number) => Result): Result | undefined {
  const fd = libc.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)
  if (fd < 0) return undefined
  try {
    return ask(fd)
  } finally {
    libc.close(fd)
  }
}

function askInterface(libc: Libc, fd: number, request: number, name: string, pointer?: number): DataView | undefined {
  const encoded = new TextEncoder().encode(name)
  // A name has a 0 at its end.
  if (encoded.length >= ANSWER) return undefined
  const question = new Uint8Array(IFREQ_SIZE)
  question.set(encoded)
  if (pointer !== undefined) writeAddress(new Uint32Array(question.buffer), ANSWER >>> 2, pointer)
  return libc.ioctl(fd, request, question) < 0 ? undefined : new DataView(question.buffer)
}

function queuesOf(libc: Libc, fd: number, name: string): number {
  const channels = new Uint32Array(CHANNEL_WORDS)
  channels[0] = ETHTOOL_GCHANNELS
  if (askInterface(libc, fd, SIOCETHTOOL, name, libc.addressOf(channels.buffer)) === undefined) return 1
  return Math.max(1, channels[CHANNELS_RX]! + channels[CHANNELS_COMBINED]!)
}
