import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../lib/clock.js'
import { silentLogger } from '../../../lib/log.js'
import { Publisher } from '../../../lib/publish/publisher.js'
import { RecordIndexWriter } from '../../../lib/record-index/record-index-writer.js'
import type { Segment } from '../../../lib/shared-table/segments.js'
import { runLoader } from '../../../lib/store/loader-thread.js'
import { readSnapshot } from '../../../lib/store/snapshot/read-snapshot.js'
import { nameFromText } from '../../../lib/wire/name.js'
import { CheckedIndex, type PlainRRset, SEED, toWire } from '../../record-index/checked-index.js'

const LOADER = new URL('../../../dist/workers/loader.js', import.meta.url).href
const NAMES = 10_000
const never = new AbortController().signal

/** Its data carry the number of the name and the version, so that a mixture shows. */
function rrset(name: number, version: number): PlainRRset {
  const mark = [name >>> 8, name & 0xff, version]
  return { type: 16, ttl: version, count: 1, wire: [0, 3, ...mark], side: new Array(version % 40).fill(name & 0xff) }
}

const nameOf = (i: number) => `n${i}.z${i % 100}.example`

describe('a snapshot that is written while the index changes', { timeout: 60_000 }, () => {
  it('has each name that stayed, once and whole, and of the others what they were at some time', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'containerdns-snapshot-'))
    const file = join(folder, 'snapshot')
    let posted: Publisher | undefined
    const onSegment = (segment: Segment) => posted?.postSegment(segment)
    const index = new RecordIndexWriter({ readers: 1, seed: SEED, serial: 0, onSegment })
    const publisher = new Publisher({
      index,
      defaultTtl: 30,
      logger: silentLogger,
      clock: systemClock,
      views: ['default'],
      loaderFile: LOADER,
      readerSlot: 0,
      placeOf: () => 'inside',
      zoneNames: () => [],
      synthesizesPtr: false,
      onChange: () => {},
      onBadRecord: () => {},
      onDown: () => {},
      onUp: () => {},
      onHealth: () => {},
      onError: () => {},
    })
    posted = publisher
    const write = (i: number, version: number) =>
      publisher.write(nameFromText(nameOf(i)), version === 0 ? [] : toWire([rrset(i, version)]))
    for (let i = 0; i < NAMES; i++) write(i, 1)
    try {
      let added = NAMES
      for (let round = 2; round < 6; round++) {
        const reader = publisher.openReader()
        let isWriting = true
        const origin = { source: 's', revision: round, writtenAt: 0, fingerprint: 'f' }
        const task = { kind: 'writeSnapshot', file, origin, index: reader.handle, port: reader.port } as const
        const writing = runLoader<'writeSnapshot'>(LOADER, task, never, [reader.port]).finally(() => {
          isWriting = false
          reader.close()
        })
        // Even names stay as they are. Odd ones change, go and come; new ones make the table and its memory grow.
        let next = 1
        while (isWriting) {
          for (let i = 0; i < 500; i++, next = (next + 2) % NAMES) {
            write(next, (next + i) % 3 === 0 ? 0 : round)
            if (i % 10 === 0) write(added++, round)
          }
          await nextTurn()
        }
        await writing
        const { image } = (await readSnapshot({ kind: 'readSnapshot', file, fingerprint: 'f', seed: SEED }))!
        const restored = new CheckedIndex()
        for (const _step of restored.writer.adopt(image));
        const met = restored.walk()
        for (let i = 0; i < NAMES; i += 2) {
          const found = met.get(nameOf(i))
          if (JSON.stringify(found) !== JSON.stringify([rrset(i, 1)])) expect(found, nameOf(i)).toEqual([rrset(i, 1)])
        }
        for (const [name, rrsets] of met) {
          const i = Number(name.slice(1, name.indexOf('.')))
          const version = rrsets[0]!.ttl
          if (JSON.stringify(rrsets) !== JSON.stringify([rrset(i, version)])) expect.fail(`${name} is a mixture`)
          restored.model.set(name, rrsets)
        }
        restored.check()
      }
      // Nothing of it is held up by the slot of a thread that has ended.
      for (let i = 0; i < 1000 && index.size.retiredBytes > 0; i++) index.seal()
      expect(index.size.retiredBytes).toBe(0)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
})
