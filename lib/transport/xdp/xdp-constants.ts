/** Numbers of the Linux ABI that only AF_XDP and bpf(2) take, as x64, arm64, riscv64 and loong64 share them. */

export const AF_XDP = 44
export const SOL_XDP = 283
export const XDP_MMAP_OFFSETS = 1
export const XDP_RX_RING = 2
export const XDP_TX_RING = 3
export const XDP_UMEM_REG = 4
export const XDP_UMEM_FILL_RING = 5
export const XDP_UMEM_COMPLETION_RING = 6
export const XDP_STATISTICS = 7
export const XDP_OPTIONS = 8
/** Frames that one kick may send in generic mode; Linux 6.17, 32 before that. */
export const XDP_MAX_TX_SKB_BUDGET = 9

/** What XDP_OPTIONS says of a bound socket. */
export const XDP_OPTIONS_ZEROCOPY = 1

// Flags of a bind.
export const XDP_COPY = 1 << 1
export const XDP_ZEROCOPY = 1 << 2
export const XDP_USE_NEED_WAKEUP = 1 << 3

/** In the flags word of a ring: the kernel does nothing before it is called. */
export const XDP_RING_NEED_WAKEUP = 1

// Where mmap finds the rings of a socket.
export const PGOFF_RX_RING = 0
export const PGOFF_TX_RING = 0x8000_0000
export const PGOFF_FILL_RING = 0x1_0000_0000
export const PGOFF_COMPLETION_RING = 0x1_8000_0000

/** What the kernel keeps free in front of each frame that it receives into. */
export const XDP_PACKET_HEADROOM = 256

/** What a program returns for a packet that goes on as if there was no program. */
export const XDP_PASS = 2

// How a program is attached.
export const XDP_FLAGS_SKB_MODE = 1 << 1
export const XDP_FLAGS_DRV_MODE = 1 << 2

export const PROT_READ = 1
export const PROT_WRITE = 2
export const MAP_SHARED = 0x01
export const MAP_PRIVATE = 0x02
export const MAP_FIXED = 0x10
export const MAP_ANONYMOUS = 0x20
export const MAP_POPULATE = 0x8000

export const SC_PAGESIZE = 30

// Questions about an interface.
export const SIOCGIFMTU = 0x8921
export const SIOCGIFHWADDR = 0x8927
export const SIOCGIFINDEX = 0x8933
export const SIOCETHTOOL = 0x8946
export const SIOCGIFVLAN = 0x8982
export const ETHTOOL_GCHANNELS = 0x3c
export const GET_VLAN_REALDEV_NAME_CMD = 8
export const ARPHRD_ETHER = 1
export const ARPHRD_LOOPBACK = 772
