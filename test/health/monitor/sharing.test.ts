import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseScannerOptions, parseSchedulerOptions, type ScannerOptions } from '../../../lib/health/monitor/options.js'
import { ownerOf } from '../../../lib/health/monitor/rendezvous.js'
import { parseStatus, portsOfStatus, withStatus } from '../../../lib/health/monitor/status-value.js'
import { errorCode } from '../../support/error-code.js'

const ADDRESSES = Array.from({ length: 5_000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`)

describe('ownerOf', () => {
  it('moves the addresses of a scanner that goes, and no others, to all the rest', () => {
    const agents = ['a', 'b', 'c', 'd', 'e']
    const left = agents.filter((agent) => agent !== 'c')
    const moved = ADDRESSES.filter((address) => ownerOf(address, agents) !== ownerOf(address, left))
    expect(moved.every((address) => ownerOf(address, agents) === 'c')).toBe(true)
    expect(moved.length).toBeGreaterThan(ADDRESSES.length / 5 - 150)
    expect(moved.length).toBeLessThan(ADDRESSES.length / 5 + 150)
    for (const agent of left) {
      expect(moved.filter((address) => ownerOf(address, left) === agent).length).toBeGreaterThan(moved.length / 8)
    }
  })

  it('does not depend on the order of the scanners', () => {
    const agents = fc.uniqueArray(fc.string(), { maxLength: 6 })
    fc.assert(
      fc.property(agents, fc.string(), (given, address) => {
        expect(ownerOf(address, given)).toBe(ownerOf(address, [...given].reverse()))
      }),
    )
  })
})

describe('the value of a status', () => {
  it('keeps everything but the status, whatever there is', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (fields) => {
        const value = parseStatus(Buffer.from(JSON.stringify({ ...fields, status: 'UP' })))!
        expect(withStatus(value, 'UP')).toBeUndefined()
        expect(JSON.parse(withStatus(value, 'DOWN')!)).toEqual(JSON.parse(JSON.stringify({ ...value, status: 'DOWN' })))
      }),
    )
  })

  it('is not touched when it is no JSON object, and ports that are none are passed over', () => {
    for (const text of ['', 'UP', '[]', '"UP"', 'null', '7'])
      expect(parseStatus(Buffer.from(text)), text).toBeUndefined()
    expect(portsOfStatus({ ports: ['80', 22, 0, 'x', 70_000, null, 80] })).toEqual([22, 80])
    expect(portsOfStatus({ ports: '80' })).toEqual([])
  })
})

describe('the options of a scanner and a scheduler', () => {
  it('are refused when they are wrong, with a code', () => {
    const etcd = { hosts: 'http://127.0.0.1:2379' }
    for (const [given, code] of [
      [{}, 'CDNS_OPTION_INVALID'],
      [{ etcd, name: 'a/b' }, 'CDNS_OPTION_INVALID'],
      [{ etcd, prefix: 'monitor' }, 'CDNS_OPTION_INVALID'],
      [{ etcd, leaseSeconds: 1 }, 'CDNS_OPTION_INVALID'],
      [{ etcd, nmae: 'a' }, 'CDNS_OPTION_UNKNOWN'],
      [{ etcd: { ...etcd, layout: 'skydns' } }, 'CDNS_OPTION_UNKNOWN'],
    ] as const) {
      expect(
        errorCode(() => parseSchedulerOptions(given as never)),
        JSON.stringify(given),
      ).toBe(code)
      expect(
        errorCode(() => parseScannerOptions(given as never)),
        JSON.stringify(given),
      ).toBe(code)
    }
    for (const probes of [{ zones: ['a'] }, { check: { type: 'hook' } }] as ScannerOptions['probes'][]) {
      expect(errorCode(() => parseScannerOptions({ etcd, probes: probes! }))).toMatch(/^CDNS_OPTION_/)
    }
  })
})
