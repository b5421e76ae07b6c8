/** Numbers of the Linux ABI, as x64, arm64, riscv64 and loong64 share them. */

export const AF_INET = 2
export const AF_INET6 = 10
export const SOCK_STREAM = 1
export const SOCK_DGRAM = 2
export const SOCK_RAW = 3
export const SOCK_NONBLOCK = 0o4000
export const SOCK_CLOEXEC = 0o2000000

export const SOL_SOCKET = 1
export const SO_REUSEADDR = 2
export const SO_SNDBUF = 7
export const SO_RCVBUF = 8
export const SO_REUSEPORT = 15
export const SO_ATTACH_REUSEPORT_CBPF = 51
export const SO_DETACH_REUSEPORT_BPF = 68
/** Like SO_SNDBUF and SO_RCVBUF, without the limit of net.core.[rw]mem_max; needs CAP_NET_ADMIN. */
export const SO_SNDBUFFORCE = 32
export const SO_RCVBUFFORCE = 33

export const IPPROTO_IP = 0
export const IP_PKTINFO = 8
export const IPPROTO_ICMP = 1
export const IPPROTO_IPV6 = 41
export const IPV6_V6ONLY = 26
export const IPV6_RECVPKTINFO = 49
export const IPV6_PKTINFO = 50
export const IPPROTO_ICMPV6 = 58

export const MSG_DONTWAIT = 0x40

export const POLLIN = 0x1
export const POLLOUT = 0x4

export const F_DUPFD_CLOEXEC = 1030

export const EFD_NONBLOCK = SOCK_NONBLOCK
export const EFD_CLOEXEC = SOCK_CLOEXEC

export const EPOLL_CLOEXEC = SOCK_CLOEXEC
export const EPOLL_CTL_ADD = 1
export const EPOLLIN = 0x1
