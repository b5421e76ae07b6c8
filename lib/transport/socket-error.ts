import { getSystemErrorName } from 'node:util'
import { ContainerDnsError, type ErrorCode } from '../errors.js'

/** A failed socket call as the error that the caller of the library sees. `systemName` is the system's: `EADDRINUSE`. */
export function socketError(where: SocketPlace, systemName: string, cause: unknown): ContainerDnsError {
  const [code, what] = KNOWN[systemName] ?? UNKNOWN
  return new ContainerDnsError(code, `cannot listen on ${placeText(where)}: ${what}`, { cause })
}

/** The same for a call through libc, which gives a number. */
export function libcSocketError(where: SocketPlace, call: string, errno: number): ContainerDnsError {
  const name = getSystemErrorName(-errno)
  const cause = Object.assign(new Error(`${call} ${name} ${placeText(where)}`), {
    code: name,
    errno: -errno,
    syscall: call,
  })
  return socketError(where, name, cause)
}

/** The system's name of what went wrong in a call of Node's; empty where there is none. */
export function systemNameOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException
  return typeof code === 'string' ? code : ''
}

export interface SocketPlace {
  readonly host: string
  readonly port: number
}

export function placeText({ host, port }: SocketPlace): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

const KNOWN: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  EADDRINUSE: ['CDNS_PORT_IN_USE', 'another socket is bound there'],
  EADDRNOTAVAIL: ['CDNS_ADDRESS_UNAVAILABLE', 'the address is not one of this host'],
  EACCES: ['CDNS_PERMISSION_DENIED', 'the system does not permit it'],
  EPERM: ['CDNS_PERMISSION_DENIED', 'the system does not permit it'],
}

const UNKNOWN = ['CDNS_SOCKET_FAILED', 'the system refused a socket call'] as const
