import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { isOwnListener, refuseOwnListeners } from '../../lib/forward/own-listeners.js'
import { nameserversOf } from '../../lib/forward/resolv-conf.js'
import { parseUpstreams } from '../../lib/forward/upstream-address.js'
import { silentLogger } from '../../lib/log.js'
import { openUpstreams } from '../support/ask-upstreams.js'
import { errorCode } from '../support/error-code.js'
import { eventually } from '../support/eventually.js'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

/** A file in a folder of its own. */
function resolvConf(text: string | undefined): string {
  const folder = mkdtempSync(join(tmpdir(), 'containerdns-resolv-'))
  folders.push(folder)
  const path = join(folder, 'resolv.conf')
  if (text !== undefined) writeFileSync(path, text)
  return path
}

function warnings() {
  const told: object[] = []
  return { told, logger: { ...silentLogger, warn: (fields: object) => told.push(fields) } }
}

describe('the nameservers of resolv.conf', () => {
  it('are its addresses in their order, each once, with the interface of those that have one', () => {
    const text = [
      '# nameserver 192.0.2.9',
      'search corp.example',
      'nameserver 192.0.2.1',
      'nameserver\t2001:db8::1 ',
      'nameserver fe80::1%eth0',
      'nameserver 192.0.2.1',
      'nameserver dns.example',
      ' nameserver 192.0.2.8',
      'nameserver',
      ';nameserver 192.0.2.7',
      'options timeout:1 attempts:9',
    ].join('\n')
    expect(nameserversOf(text)).toEqual(['192.0.2.1', '2001:db8::1', 'fe80::1%eth0'])
    expect(nameserversOf('nameserver 192.0.2.1\r\n')).toEqual(['192.0.2.1'])
  })
})

describe('upstreams from a file', () => {
  const addresses = (forward: ReturnType<typeof openUpstreams>) =>
    forward.upstreams.stats().map(({ address }) => address)

  it('are others once it has changed, written over or put in its place', async () => {
    const path = resolvConf('nameserver 127.0.0.1\n')
    await using forward = openUpstreams({ resolvConf: path })
    expect(addresses(forward)).toEqual(['udp://127.0.0.1:53'])
    writeFileSync(path, 'nameserver 127.0.0.2\n')
    await eventually(() => expect(addresses(forward)).toEqual(['udp://127.0.0.2:53']))
    writeFileSync(`${path}.new`, 'nameserver 127.0.0.3\nnameserver ::1\n')
    renameSync(`${path}.new`, path)
    await eventually(() => expect(addresses(forward)).toEqual(['udp://127.0.0.3:53', 'udp://[::1]:53']))
  })

  it('stay when it is gone or empty, which is told once', async () => {
    const path = resolvConf('nameserver 127.0.0.1\n')
    const { told, logger } = warnings()
    await using forward = openUpstreams({ resolvConf: path }, { logger })
    writeFileSync(path, 'search corp.example\n')
    await eventually(() => expect(told).toMatchObject([{ code: 'CDNS_RESOLV_CONF_INVALID' }]))
    rmSync(path)
    await eventually(() => expect(told).toHaveLength(2))
    expect(addresses(forward)).toEqual(['udp://127.0.0.1:53'])
  })

  it('come later when it is not there yet', async () => {
    const path = resolvConf(undefined)
    const { told, logger } = warnings()
    await using forward = openUpstreams({ resolvConf: path }, { logger })
    expect(told).toHaveLength(1)
    expect(await forward.ask('www.example')).toMatchObject({ kind: 'failed', reason: 'noUpstreams' })
    writeFileSync(path, 'nameserver 127.0.0.1\n')
    await eventually(() => expect(addresses(forward)).toEqual(['udp://127.0.0.1:53']))
  })

  it('are never this server', async () => {
    const path = resolvConf('nameserver 127.0.0.1\nnameserver 127.0.0.2\n')
    await using forward = openUpstreams({ resolvConf: path }, { listeners: [{ host: '127.0.0.1', port: 53 }] })
    expect(addresses(forward)).toEqual(['udp://127.0.0.2:53'])
  })
})

describe('an upstream that is this server', () => {
  const listens = (host: string, port: number) => [{ host, port }]

  it.each([
    ['127.0.0.1', 5300, '127.0.0.1', 5300, true],
    ['127.0.0.1', 5300, '127.0.0.1', 5301, false],
    ['127.0.0.1', 5300, '127.0.0.2', 5300, false],
    ['0.0.0.0', 53, '127.0.0.53', 53, true],
    ['0.0.0.0', 53, '192.0.2.1', 53, false],
    ['0.0.0.0', 53, '::1', 53, false],
    ['::', 53, '::1', 53, true],
    ['2001:db8::1', 53, '2001:DB8:0::1', 53, true],
    ['fe80::1%eth0', 53, 'fe80::1%eth1', 53, false],
  ])('where %s:%i is listened on: %s:%i is %s', (host, port, upstreamHost, upstreamPort, isOwn) => {
    expect(isOwnListener({ host: upstreamHost, port: upstreamPort }, listens(host, port))).toBe(isOwn)
  })

  it('is refused', () => {
    const group = {
      upstreams: parseUpstreams('forward.upstreams', ['192.0.2.1', '127.0.0.1:5300']),
      policy: 'random' as const,
    }
    expect(errorCode(() => refuseOwnListeners([group], listens('127.0.0.1', 5300)))).toBe('CDNS_UPSTREAM_INVALID')
    expect(errorCode(() => refuseOwnListeners([group], listens('127.0.0.1', 53)))).toBeUndefined()
  })
})
