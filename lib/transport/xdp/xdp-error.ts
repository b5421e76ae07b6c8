import { constants } from 'node:os'
import { getSystemErrorName } from 'node:util'
import { ContainerDnsError, type ErrorCode } from '../../errors.js'

const { EACCES, EBUSY, EEXIST, ENETDOWN, ENOBUFS, ENODEV, ENOMEM, EPERM } = constants.errno

/** A step of starting AF_XDP that the system has refused, as the error that the caller of the library sees. */
export function xdpError(interfaceName: string, step: string, errno: number, detail = ''): ContainerDnsError {
  const [code, what] = KNOWN.get(errno) ?? UNKNOWN
  const name = getSystemErrorName(-errno)
  const cause = Object.assign(new Error(`${step} ${name}${detail}`), { code: name, errno: -errno, syscall: step })
  return new ContainerDnsError(code, `AF_XDP on ${interfaceName}: ${what} (${step}: ${name})`, { cause })
}

const RIGHTS = ['CDNS_XDP_NOT_PERMITTED', 'it takes CAP_NET_ADMIN, CAP_NET_RAW and CAP_BPF'] as const
const BUSY = ['CDNS_XDP_BUSY', 'another program has the interface or its queue'] as const
const MEMORY = ['CDNS_XDP_MEMORY', 'its frames are more memory than RLIMIT_MEMLOCK lets this process lock'] as const
const INTERFACE = ['CDNS_XDP_INTERFACE', 'the interface is not there, or not up'] as const
const UNKNOWN = ['CDNS_XDP_UNAVAILABLE', 'the kernel or the driver cannot do it'] as const

const KNOWN: ReadonlyMap<number, readonly [ErrorCode, string]> = new Map<number, readonly [ErrorCode, string]>([
  [EPERM, RIGHTS],
  [EACCES, RIGHTS],
  [EBUSY, BUSY],
  [EEXIST, BUSY],
  [ENOBUFS, MEMORY],
  [ENOMEM, MEMORY],
  [ENODEV, INTERFACE],
  [ENETDOWN, INTERFACE],
])
