import { describe, expect, it } from 'vitest'
import { batchObstacle } from '../../lib/transport/libc.js'
import { chooseTransport } from '../../lib/transport/open-datagram-sockets.js'
import { canReusePort } from '../../lib/transport/reuse-port.js'
import { socketError } from '../../lib/transport/socket-error.js'

describe('chooseTransport', () => {
  const works = () => undefined
  const obstacle = () => 'no such call'

  it('takes batch where it works, unless dgram is asked for', () => {
    expect(chooseTransport('auto', works).kind).toBe('batch')
    expect(chooseTransport('batch', works).kind).toBe('batch')
    expect(chooseTransport('dgram', works).kind).toBe('dgram')
  })

  it('falls back to dgram with the reason', () => {
    const { kind, reason } = chooseTransport('auto', obstacle)
    expect(kind).toBe('dgram')
    expect(reason).toContain('no such call')
  })

  it('refuses batch where it does not work', () => {
    expect(() => chooseTransport('batch', obstacle)).toThrow(
      expect.objectContaining({ code: 'CDNS_TRANSPORT_UNAVAILABLE', message: expect.stringContaining('no such call') }),
    )
  })
})

describe('batchObstacle', () => {
  it('names the system, the architecture or the byte order', () => {
    expect(batchObstacle({ platform: 'darwin', arch: 'arm64' })).toContain('darwin')
    expect(batchObstacle({ platform: 'linux', arch: 'ia32' })).toContain('ia32')
    expect(batchObstacle({ platform: 'linux', arch: 'x64' }, 'BE')).toContain('little-endian')
  })

  it.runIf(process.platform === 'linux' && process.arch === 'x64')('finds none here', () => {
    expect(batchObstacle()).toBeUndefined()
  })
})

describe('canReusePort', () => {
  it.each(['22.12.0', '22.23.3', '23.1.0', '24.0.0', '25.1.0'])('is so in Node %s', (version) => {
    expect(canReusePort(version, 'linux')).toBe(true)
  })

  it.each(['20.20.2', '22.11.9', '23.0.5'])('is not so in Node %s', (version) => {
    expect(canReusePort(version, 'linux')).toBe(false)
  })

  it('is not so on macOS and Windows', () => {
    expect(canReusePort('24.0.0', 'darwin')).toBe(false)
    expect(canReusePort('24.0.0', 'win32')).toBe(false)
  })
})

describe('socketError', () => {
  it.each([
    ['EADDRINUSE', 'CDNS_PORT_IN_USE'],
    ['EADDRNOTAVAIL', 'CDNS_ADDRESS_UNAVAILABLE'],
    ['EACCES', 'CDNS_PERMISSION_DENIED'],
    ['EPERM', 'CDNS_PERMISSION_DENIED'],
    ['EMFILE', 'CDNS_SOCKET_FAILED'],
  ])('turns %s into %s, with the address and the cause', (systemName, code) => {
    const cause = new Error(systemName)
    const error = socketError({ host: '::1', port: 53 }, systemName, cause)
    expect(error).toMatchObject({ code, cause, message: expect.stringContaining('[::1]:53') })
  })
})
