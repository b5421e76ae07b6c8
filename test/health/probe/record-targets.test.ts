import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ProbeTarget } from '../../../lib/health/probe/check.js'
import { type ProbesOptions, parseProbes } from '../../../lib/health/probe/options.js'
import { RecordTargets } from '../../../lib/health/probe/record-targets.js'
import { silentLogger } from '../../../lib/log.js'
import { OwnerScan } from '../../../lib/publish/owner-scan.js'
import { RecordIndexWriter } from '../../../lib/record-index/record-index-writer.js'
import { RRsetEncoder, type WireRRset } from '../../../lib/records/wire-rrset.js'
import { nameFromText } from '../../../lib/wire/name.js'
import { eventually } from '../../support/eventually.js'

/** The targets that come of writes to an index, in slices that the test lets go on. */
class Followed {
  readonly probed = new Map<number, ProbeTarget>()
  readonly targets: RecordTargets
  readonly scan: OwnerScan
  readonly #encoder = new RRsetEncoder()
  readonly #index = new RecordIndexWriter({ readers: 1, seed: 1, serial: 1, onSegment: () => undefined })
  rooms = 0
  settled = 0

  constructor(options: ProbesOptions = {}, betweenBuckets: () => Promise<void> | undefined = () => undefined) {
    this.targets = new RecordTargets({
      probes: parseProbes('probes', options),
      logger: silentLogger,
      read: (name) => this.#index.read(name),
      isFollowed: (name) => this.scan.isFollowed(name),
      onChange: (added, removed) => {
        for (const target of added) this.probed.set(target.id, target)
        for (const { id } of removed) this.probed.delete(id)
      },
      onSettled: () => void this.settled++,
      onRoom: () => void this.rooms++,
    })
    this.scan = new OwnerScan(this.#index, this.targets, async (bucketCount, visit) => {
      for (let bucket = 0; bucket < bucketCount; bucket++) {
        visit(bucket, bucketCount)
        await betweenBuckets()
      }
    })
  }

  /** By address, the ports that are probed. */
  get ports(): Record<string, string> {
    const entries = [...this.probed.values()].map(({ address, ports }) => [address, ports.join()] as const)
    return Object.fromEntries(entries.sort())
  }

  write(name: string, addresses: readonly string[], services: readonly { port: number; target: string }[] = []): void {
    this.#encoder.reset()
    const rrsets: WireRRset[] = []
    if (addresses.length > 0) rrsets.push(this.#encoder.encode('A', 30, addresses))
    const data = services.map((service) => ({ priority: 0, weight: 0, ...service }))
    if (data.length > 0) rrsets.push(this.#encoder.encode('SRV', 30, data))
    this.scan.around(nameFromText(name), () => this.#index.write(nameFromText(name), rrsets))
  }
}

const CHECK: ProbesOptions = { check: { type: 'tcp', ports: [80] } }

describe('RecordTargets', () => {
  it('are what the records say, whatever is written while names are gone through', async () => {
    const name = fc.constantFrom('a.example', 'b.example', 'c.example', '_x._tcp.example', '_x._udp.example')
    const address = fc.constantFrom('192.0.2.1', '192.0.2.2', '192.0.2.3')
    const service = fc.record({ port: fc.constantFrom(80, 81), target: name })
    const write = fc.record({
      name,
      addresses: fc.uniqueArray(address, { maxLength: 3 }),
      services: fc.uniqueArray(service, { maxLength: 2, selector: ({ port, target }) => `${port} ${target}` }),
    })
    const writes = fc.array(write, { maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(writes, writes, writes, async (before, during, after) => {
        const names = new Map<string, (typeof before)[number]>()
        const take = (followed: Followed, each: (typeof before)[number]) => {
          followed.write(each.name, each.addresses, each.services)
          names.set(each.name, each)
        }
        const rest = [...during]
        const followed: Followed = new Followed({}, async () => {
          const next = rest.shift()
          if (next !== undefined) take(followed, next)
        })
        // Enough for a few buckets.
        for (let i = 0; i < 40; i++) followed.write(`filler${i}.example`, [])
        for (let i = 0; i < 40; i++) followed.write(`filler${i}.other`, ['198.51.100.1'])
        for (const each of before) take(followed, each)
        await followed.scan.run()
        for (const each of after) take(followed, each)
        const wanted = new Map<string, Set<number>>()
        for (const { name: owner, addresses } of names.values()) {
          for (const each of addresses) wanted.set(each, wanted.get(each) ?? new Set())
          for (const { name: from, services } of names.values()) {
            if (from.includes('_udp')) continue
            for (const { target, port } of services) {
              if (target === owner) for (const each of addresses) wanted.get(each)!.add(port)
            }
          }
        }
        const expected = [...wanted].map(([each, ports]) => [each, [...ports].sort((a, b) => a - b).join()] as const)
        const withPorts = expected.filter(([, ports]) => ports !== '').sort()
        await eventually(() => expect(followed.ports).toEqual(Object.fromEntries(withPorts)), 1_000)
        followed.targets.close()
      }),
      { numRuns: 40 },
    )
  })

  it('are those of the zones that are named, with the check of the longest network', async () => {
    const followed = new Followed({
      ...CHECK,
      zones: ['Inner.example'],
      overrides: [
        { networks: ['192.0.2.0/24'], check: { type: 'tcp', ports: [81] } },
        { networks: ['192.0.2.7'], check: false },
      ],
    })
    followed.write('a.inner.example', ['192.0.2.1', '192.0.2.7', '198.51.100.1', '169.254.169.254'])
    followed.write('inner.example', ['198.51.100.2'])
    followed.write('winner.example', ['198.51.100.3'])
    await followed.scan.run()
    const profiles = [...followed.probed.values()].map(({ address, profile }) => [address, profile] as const).sort()
    expect(profiles).toEqual([
      ['192.0.2.1', 1],
      ['198.51.100.1', 0],
      ['198.51.100.2', 0],
    ])
  })

  it('are no more than there may be, and says when there is room again', async () => {
    const followed = new Followed({ ...CHECK, maxTargets: 2 })
    followed.write('a.example', ['192.0.2.1'])
    followed.write('b.example', ['192.0.2.2', '192.0.2.3'])
    await followed.scan.run()
    expect(followed.probed.size).toBe(2)
    expect(followed.rooms).toBe(0)
    followed.write('a.example', [])
    followed.write('b.example', ['192.0.2.3'])
    await eventually(() => followed.rooms === 1)
    await followed.scan.run()
    expect(Object.keys(followed.ports)).toEqual(['192.0.2.3'])
  })
})
