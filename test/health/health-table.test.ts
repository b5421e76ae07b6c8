import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addressToText } from '../../lib/clients/client-address.js'
import { HealthReader } from '../../lib/health/health-reader.js'
import { HealthTable } from '../../lib/health/health-table.js'
import { HEALTH_STATES, type HealthState, hashAddress } from '../../lib/health/layout.js'
import type { Segment } from '../../lib/shared-table/segments.js'
import { errorCode } from '../support/error-code.js'

const bytes = (...octets: number[]) => Uint8Array.from(octets)
const ipv4 = (number: number) => bytes(10, number >> 16, number >> 8, number)

/** A table and a reader of it, as another thread would have one. */
function tableAndReader() {
  const posted: Segment[] = []
  const table = new HealthTable({ readers: 1, seed: 77, onSegment: (segment) => void posted.push(segment) })
  posted.length = 0
  const reader = new HealthReader(table.handle(0), () => posted.shift())
  const isUnhealthy = (address: Uint8Array) => {
    reader.enter()
    const found = reader.isUnhealthy(bytes(0, ...address, 0), 1, address.length)
    reader.leave()
    return found
  }
  return { table, reader, isUnhealthy }
}

describe('HealthTable', () => {
  it('gives back what was set, to the writer and to readers', () => {
    const { table, isUnhealthy } = tableAndReader()
    const address = ipv4(1)
    expect([table.get(address), isUnhealthy(address)]).toEqual(['unknown', false])
    expect(table.set(address, 'unhealthy')).toBe('unknown')
    expect([table.get(address), isUnhealthy(address)]).toEqual(['unhealthy', true])
    expect(table.set(address, 'healthy')).toBe('unhealthy')
    expect([table.get(address), isUnhealthy(address)]).toEqual(['healthy', false])
    expect(table.set(address, 'unknown')).toBe('healthy')
    expect([table.get(address), isUnhealthy(address)]).toEqual(['unknown', false])
    expect(table.size.addresses).toBe(0)
  })

  it('tells an IPv4 address from the IPv6 address that maps it or begins with it', () => {
    const { table, isUnhealthy } = tableAndReader()
    table.set(bytes(192, 0, 2, 1), 'unhealthy')
    expect(isUnhealthy(bytes(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1))).toBe(false)
    expect(isUnhealthy(bytes(192, 0, 2, 1, ...new Array<number>(12).fill(0)))).toBe(false)
  })

  it('agrees with a Map after any run of changes, and its readers with it', () => {
    const address = fc.oneof(
      fc.nat(5).map(ipv4),
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(address, fc.constantFrom(...HEALTH_STATES)), { maxLength: 100 }), (changes) => {
        const { table, isUnhealthy } = tableAndReader()
        const model = new Map<string, HealthState>()
        for (const [each, state] of changes) {
          const text = addressToText(each)
          expect(table.set(each, state)).toBe(model.get(text) ?? 'unknown')
          if (state === 'unknown') model.delete(text)
          else model.set(text, state)
        }
        for (const [each] of changes) expect(isUnhealthy(each)).toBe(model.get(addressToText(each)) === 'unhealthy')
        const listed = [...table.list()].map((entry) => [addressToText(entry.address), entry.state])
        expect(listed.sort()).toEqual([...model].sort())
        expect(table.unhealthyCount).toBe([...model.values()].filter((state) => state === 'unhealthy').length)
      }),
    )
  })

  it('lists each address once while others are set, removed and the table grows', () => {
    const { table } = tableAndReader()
    const early = 10_000
    for (let i = 0; i < early; i++) table.set(ipv4(i), i % 2 ? 'healthy' : 'unhealthy')
    const seen = new Map<string, number>()
    let next = early
    for (const { address } of table.list()) {
      const text = addressToText(address)
      seen.set(text, (seen.get(text) ?? 0) + 1)
      for (let i = 0; i < 3; i++) table.set(ipv4(next++), 'healthy')
      table.set(ipv4(next - 2), 'unknown')
    }
    const thereAllTheTime = Array.from({ length: early }, (_, i) => addressToText(ipv4(i)))
    expect(thereAllTheTime.filter((text) => seen.get(text) !== 1)).toEqual([])
    expect(Math.max(...new Set(seen.values()))).toBe(1)
  })

  it('gives memory back: clearing and setting again takes no more', () => {
    const { table, isUnhealthy } = tableAndReader()
    const fill = () => {
      for (let i = 0; i < 10_000; i++) table.set(ipv4(i), 'unhealthy')
    }
    fill()
    table.clear()
    expect([table.size.addresses, table.unhealthyCount, isUnhealthy(ipv4(5))]).toEqual([0, 0, false])
    fill()
    const { usedBytes } = table.size
    for (let round = 0; round < 5; round++) {
      table.clear()
      fill()
    }
    expect(table.size.usedBytes).toBeLessThan(1.2 * usedBytes)
    expect(table.unhealthyCount).toBe(10_000)
  })

  it('takes no memory for states that change and come back', () => {
    const { table } = tableAndReader()
    table.set(ipv4(1), 'healthy')
    const { usedBytes } = table.size
    for (let i = 0; i < 100_000; i++) table.set(ipv4(1), i % 2 ? 'healthy' : 'unhealthy')
    expect(table.size.usedBytes).toBe(usedBytes)
  })
})

describe('HealthReader', () => {
  it('looks at nothing while no address is unhealthy, and from the next batch on once one is', () => {
    const { table, reader } = tableAndReader()
    table.set(ipv4(1), 'healthy')
    reader.enter()
    expect(reader.anyUnhealthy).toBe(false)
    table.set(ipv4(1), 'unhealthy')
    expect(reader.isUnhealthy(ipv4(1), 0, 4)).toBe(false)
    reader.leave()
    reader.enter()
    expect(reader.anyUnhealthy).toBe(true)
    expect(reader.isUnhealthy(ipv4(1), 0, 4)).toBe(true)
    reader.leave()
    expect(reader.isUnhealthy(ipv4(1), 0, 4)).toBe(false)
  })

  it('holds memory back while it reads, and gives it free when its thread has died', () => {
    const { table, reader } = tableAndReader()
    for (let i = 0; i < 5000; i++) table.set(ipv4(i), 'unhealthy')
    const { usedBytes } = table.size
    const churn = () => {
      for (let i = 0; i < 5000; i++) table.set(ipv4(i), 'unknown')
      for (let i = 0; i < 5000; i++) table.set(ipv4(i), 'unhealthy')
      return table.size.usedBytes / usedBytes
    }
    expect(churn()).toBeLessThan(1.3)
    reader.enter()
    expect(churn()).toBeGreaterThan(2)
    table.release(0)
    churn()
    expect(churn()).toBeLessThan(1.3)
  })

  it('refuses memory that is no health table', () => {
    const { table } = tableAndReader()
    const handle = { ...table.handle(0), control: new SharedArrayBuffer(64) }
    expect(errorCode(() => new HealthReader(handle, () => undefined))).toBe('CDNS_THREAD_FAILED')
  })
})

describe('the hash of an address', () => {
  it('spreads neighbours evenly, within 5 %, by its low bits', () => {
    const seen = new Array<number>(64).fill(0)
    for (let i = 0; i < 320_000; i++) seen[hashAddress(1, ipv4(i), 0, 4) & 63]!++
    for (const count of seen) expect(Math.abs(count / 5000 - 1)).toBeLessThan(0.05)
  })
})
