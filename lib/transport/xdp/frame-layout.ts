/** How a datagram lies in an Ethernet frame; for the program that picks frames, and the code that reads and writes them. */

// Ethernet: | destination 6 | source 6 | type u16 |, and before the type up to two VLAN tags: | 0x8100 or 0x88a8 | TCI u16 |
export const ETHERNET_DESTINATION = 0
export const ETHERNET_SOURCE = ETHERNET_DESTINATION + 6
export const ETHERNET_TYPE = ETHERNET_SOURCE + 6
export const ETHERNET_SIZE = ETHERNET_TYPE + 2
export const VLAN_TCI = ETHERNET_TYPE + 2
export const VLAN_TAG_SIZE = 4
export const MAX_VLAN_TAGS = 2

export const TYPE_IPV4 = 0x0800
export const TYPE_IPV6 = 0x86dd
/** IEEE 802.1Q, and 802.1ad for the outer one of two. */
export const TYPES_VLAN: readonly number[] = [0x8100, 0x88a8]

// IPv4 (RFC 791 §3.1): | version 4, length in words 4 | service u8 | total length u16 | id u16 | flags 3, fragment offset 13
//                      | TTL u8 | protocol u8 | checksum u16 | source 4 | destination 4 |
export const IPV4_VERSION = 0
export const IPV4_LENGTH = IPV4_VERSION + 2
export const IPV4_ID = IPV4_LENGTH + 2
export const IPV4_FRAGMENT = IPV4_ID + 2
export const IPV4_TTL = IPV4_FRAGMENT + 2
export const IPV4_PROTOCOL = IPV4_TTL + 1
export const IPV4_CHECKSUM = IPV4_PROTOCOL + 1
export const IPV4_SOURCE = IPV4_CHECKSUM + 2
export const IPV4_DESTINATION = IPV4_SOURCE + 4
export const IPV4_SIZE = IPV4_DESTINATION + 4
/** Version 4, and no options. */
export const IPV4_PLAIN = 0x45
/** More fragments, or an offset: everything but the reserved bit and "don't fragment". */
export const IPV4_FRAGMENT_MASK = 0x3fff

// IPv6 (RFC 8200 §3): | version 4, class 8, flow 20 | payload length u16 | next header u8 | hop limit u8 | source 16 | destination 16 |
export const IPV6_VERSION = 0
export const IPV6_LENGTH = IPV6_VERSION + 4
export const IPV6_NEXT_HEADER = IPV6_LENGTH + 2
export const IPV6_HOP_LIMIT = IPV6_NEXT_HEADER + 1
export const IPV6_SOURCE = IPV6_HOP_LIMIT + 1
export const IPV6_DESTINATION = IPV6_SOURCE + 16
export const IPV6_SIZE = IPV6_DESTINATION + 16

export const PROTOCOL_UDP = 17

// UDP (RFC 768): | source port u16 | destination port u16 | length u16 | checksum u16 |
export const UDP_SOURCE = 0
export const UDP_DESTINATION = UDP_SOURCE + 2
export const UDP_LENGTH = UDP_DESTINATION + 2
export const UDP_CHECKSUM = UDP_LENGTH + 2
export const UDP_SIZE = UDP_CHECKSUM + 2

/** Bytes of a frame in UMEM: a whole Ethernet frame with what the kernel keeps free in front of it. */
export const FRAME_SIZE = 2048
