import { createRequire } from 'node:module'
import { constants, endianness } from 'node:os'

/**
 * The system calls of the `batch` and `xdp` transports, named and returning as in C: -1 is a failure, and `errno` says which.
 *
 * What runs once takes typed arrays; what runs in a loop takes addresses, which cost nothing to pass.
 * All are synchronous: koffi's asynchronous calls have crashed in worker threads (its issue 190).
 */
export interface Libc {
  socket(family: number, type: number, protocol: number): number
  bind(fd: number, address: Uint8Array, addressLength: number): number
  connect(fd: number, address: Uint8Array, addressLength: number): number
  listen(fd: number, backlog: number): number
  fcntl(fd: number, command: number, argument: number): number
  setsockopt(fd: number, level: number, option: number, value: ArrayBufferView, valueLength: number): number
  getsockname(fd: number, address: Uint8Array, addressLength: Uint32Array): number
  close(fd: number): number
  inet_pton(family: number, text: string, address: Uint8Array): number
  eventfd(initial: number, flags: number): number
  read(fd: number, bytes: Uint8Array, count: number): number
  write(fd: number, bytes: Uint8Array, count: number): number
  sendto(
    fd: number,
    bytes: Uint8Array,
    count: number,
    flags: number,
    address: Uint8Array,
    addressLength: number,
  ): number
  usleep(microseconds: number): number
  poll(pollfds: number, count: number, timeoutMs: number): number
  recvmmsg(fd: number, headers: number, count: number, flags: number, timeout: number): number
  sendmmsg(fd: number, headers: number, count: number, flags: number): number
  recv(fd: number, bytes: number, size: number, flags: number): number
  send(fd: number, bytes: number, size: number, flags: number): number
  epoll_create1(flags: number): number
  epoll_ctl(epollFd: number, operation: number, fd: number, event: Uint8Array): number
  epoll_wait(epollFd: number, events: number, count: number, timeoutMs: number): number
  getsockopt(fd: number, level: number, option: number, value: ArrayBufferView, valueLength: Uint32Array): number
  ioctl(fd: number, request: number, argument: Uint8Array): number
  /** Returns the address, or -1. */
  mmap(address: number, length: number, protection: number, flags: number, fd: number, offset: number): number
  sysconf(name: number): number
  /** A call that libc has no function for, with three arguments, as bpf(2) takes them. */
  syscall(number: number, first: number, second: Uint8Array, third: number): number
  /** Of this thread's last call that failed. */
  errno(): number
  /** Where the bytes of an ArrayBuffer, or a shared one, are; they stay there as long as it lives. */
  addressOf(memory: ArrayBuffer | SharedArrayBuffer): number
}

/** Opens libc through koffi, which is loaded here and not before. Throws where either cannot be had. */
export function loadLibc(): Libc {
  const koffi: typeof import('koffi') = createRequire(import.meta.url)('koffi')
  const library = koffi.load(null)
  const functions = Object.fromEntries(PROTOTYPES.map((prototype) => [nameOf(prototype), library.func(prototype)]))
  return {
    ...(functions as unknown as Omit<Libc, 'errno' | 'addressOf'>),
    errno: koffi.errno as () => number,
    // User space ends far below 2^53 on all of these systems.
    addressOf: (memory) => Number(koffi.address(memory instanceof ArrayBuffer ? memory : new Uint8Array(memory))),
  }
}

/** Why `batch` cannot work here, or undefined where it can. Main thread, once at start. */
export function batchObstacle(
  system: { platform: string; arch: string } = process,
  byteOrder: string = endianness(),
): string | undefined {
  if (system.platform !== 'linux') return `recvmmsg is a call of Linux, and this is ${system.platform}`
  if (!ARCHITECTURES.includes(system.arch)) return `the layout of system structures on ${system.arch} is not known`
  if (byteOrder !== 'LE') return 'system structures are written little-endian only'
  try {
    return refusedCall(loadLibc())
  } catch (error) {
    return `koffi cannot reach libc: ${(error as Error).message}`
  }
}

/** The 64-bit architectures that koffi is prebuilt for on Linux and that share one layout. */
const ARCHITECTURES = ['x64', 'arm64', 'riscv64', 'loong64']

const PROTOTYPES = [
  'int socket(int family, int type, int protocol)',
  'int bind(int fd, void *address, uint32_t addressLength)',
  'int connect(int fd, void *address, uint32_t addressLength)',
  'int listen(int fd, int backlog)',
  // Variadic in C, which makes no difference to the caller on these systems.
  'int fcntl(int fd, int command, int argument)',
  'int setsockopt(int fd, int level, int option, void *value, uint32_t valueLength)',
  'int getsockname(int fd, void *address, void *addressLength)',
  'int close(int fd)',
  'int inet_pton(int family, const char *text, void *address)',
  'int eventfd(unsigned int initial, int flags)',
  'intptr_t read(int fd, void *bytes, size_t count)',
  'intptr_t write(int fd, void *bytes, size_t count)',
  'intptr_t sendto(int fd, void *bytes, size_t count, int flags, void *address, uint32_t addressLength)',
  'int usleep(unsigned int microseconds)',
  'int poll(uintptr_t pollfds, unsigned long count, int timeoutMs)',
  'int recvmmsg(int fd, uintptr_t headers, unsigned int count, int flags, uintptr_t timeout)',
  'int sendmmsg(int fd, uintptr_t headers, unsigned int count, int flags)',
  'intptr_t recv(int fd, uintptr_t bytes, size_t size, int flags)',
  'intptr_t send(int fd, uintptr_t bytes, size_t size, int flags)',
  'int epoll_create1(int flags)',
  'int epoll_ctl(int epollFd, int operation, int fd, void *event)',
  'int epoll_wait(int epollFd, uintptr_t events, int count, int timeoutMs)',
  'int getsockopt(int fd, int level, int option, void *value, void *valueLength)',
  // Variadic in C, as fcntl is, and so is syscall.
  'int ioctl(int fd, unsigned long request, void *argument)',
  'intptr_t mmap(uintptr_t address, size_t length, int protection, int flags, int fd, int64_t offset)',
  'long sysconf(int name)',
  'long syscall(long number, long first, void *second, long third)',
]

function nameOf(prototype: string): string {
  return /(\w+)\(/.exec(prototype)![1]!
}

/** A sandbox can refuse what libc has: calls with no socket must fail for that reason, and for no other. */
function refusedCall(libc: Libc): string | undefined {
  const refusals: number[] = [constants.errno.ENOSYS, constants.errno.EPERM, constants.errno.EACCES]
  if (libc.recvmmsg(-1, 0, 0, 0, 0) < 0 && refusals.includes(libc.errno())) return 'this system refuses recvmmsg'
  if (libc.sendmmsg(-1, 0, 0, 0) < 0 && refusals.includes(libc.errno())) return 'this system refuses sendmmsg'
  return undefined
}
