import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MessageChannel } from 'node:worker_threads'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openImage } from '../../../lib/record-index/index-image.js'
import { readSnapshot, type SnapshotRead } from '../../../lib/store/snapshot/read-snapshot.js'
import { HEADER_BYTES, packHeader, snapshotHash } from '../../../lib/store/snapshot/snapshot-format.js'
import { writeSnapshot } from '../../../lib/store/snapshot/write-snapshot.js'
import { nameFromText } from '../../../lib/wire/name.js'
import { CheckedIndex, type PlainRRset, SEED, sealAll, toWire } from '../../record-index/checked-index.js'

const A: PlainRRset = { type: 1, ttl: 30, count: 1, wire: [0, 4, 192, 0, 2, 1], side: [] }
const NS: PlainRRset = { type: 2, ttl: 9, count: 1, wire: [0, 3, 1, 97, 0], side: [1] }
const TXT: PlainRRset = { type: 16, ttl: 0, count: 1, wire: [0, 3, 2, 104, 105], side: [7, 7, 7] }
const LARGE: PlainRRset = {
  type: 16,
  ttl: 1,
  count: 1,
  wire: new Array(3000).fill(5),
  side: new Array(2001).fill(6),
}
const origin = { source: '1234567890', revision: 42, writtenAt: 1_700_000_000_000, fingerprint: 'of these options' }

let folder: string
let file: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'containerdns-snapshot-'))
  file = join(folder, 'snapshot')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function write(index: CheckedIndex): Promise<void> {
  const { port1, port2 } = new MessageChannel()
  await writeSnapshot({ kind: 'writeSnapshot', file, origin, index: index.writer.handle(1), port: port2 })
  port1.close()
}

function read(fingerprint = origin.fingerprint): Promise<SnapshotRead | undefined> {
  return readSnapshot({ kind: 'readSnapshot', file, fingerprint, seed: SEED })
}

/** What a server would have that has started from the file. */
async function restored(model: CheckedIndex['model']): Promise<CheckedIndex> {
  const { image } = (await read())!
  const index = new CheckedIndex()
  for (const _step of index.writer.adopt(structuredClone(image)));
  for (const [owner, rrsets] of model) index.model.set(owner, rrsets)
  return index
}

const label = fc.constantFrom('a', 'b', '*', 'a-long-label-of-its-own')
const owner = fc.oneof(
  { weight: 20, arbitrary: fc.array(label, { minLength: 1, maxLength: 5 }).map((labels) => labels.join('.')) },
  { weight: 1, arbitrary: fc.constant('.') },
)
const steps = fc.array(fc.record({ owner, rrsets: fc.constantFrom([A], [TXT], [A, TXT], [NS], [LARGE], []) }), {
  size: 'large',
  maxLength: 60,
})

describe('a snapshot file', { timeout: 60_000 }, () => {
  it('gives back any index, which then takes any run of writes, down to counts of children', async () => {
    await fc.assert(
      fc.asyncProperty(steps, steps, async (before, after) => {
        const index = new CheckedIndex()
        for (const { owner, rrsets } of before) index.write(owner, rrsets)
        await write(index)
        const target = await restored(index.model)
        target.check(before.map(({ owner }) => owner))
        for (const { owner, rrsets } of after) target.write(owner, rrsets)
        target.check([...before, ...after].map(({ owner }) => owner))
        for (const owner of [...target.model.keys()]) target.write(owner, [])
        sealAll(target.writer)
        expect(target.writer.size.usedBytes).toBe(4 * target.writer.bucketCount)
      }),
      { numRuns: 60 },
    )
  })

  it('says when it holds what a server has made up', async () => {
    const index = new CheckedIndex()
    index.write('a.example', [A])
    await write(index)
    expect((await read())!.image.hasSynthesized).toBe(false)
    const [pointer] = toWire([A])
    index.writer.write(nameFromText('b.example'), [{ ...pointer!, isSynthesized: true }])
    await write(index)
    expect((await read())!.image.hasSynthesized).toBe(true)
  })

  it('holds more than a block, and an index that is as small as the one it is of', async () => {
    const index = new CheckedIndex()
    for (let i = 0; i < 30_000; i++) index.write(`n${i}.z${i % 50}.example`, [A, TXT])
    const huge = { ...TXT, wire: new Array(60_000).fill(1), side: new Array(2 ** 19 - 61_000).fill(2) }
    index.write('huge.example', [huge])
    await write(index)
    expect((await stat(file)).size).toBeGreaterThan(2 * 2 ** 20)
    const target = await restored(index.model)
    target.check(['n1.example'])
    expect(target.writer.size.usedBytes).toBeLessThanOrEqual(index.writer.size.usedBytes)
  })

  it('says where it comes from, and can be read by its owner alone', async () => {
    const index = new CheckedIndex()
    index.write('a.example', [A])
    await write(index)
    expect((await read())!.description).toMatchObject({ ...origin, names: 1 })
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await readdir(folder)).toEqual(['snapshot'])
  })

  it('is none when there is no such file', async () => {
    expect(await read()).toBeUndefined()
  })

  it('is refused wherever it is cut off, or when something follows', async () => {
    await write(someIndex())
    const whole = await readFile(file)
    const cuts = [0, 1, 7, 8, 11, 12, 47, 48, 100, HEADER_BYTES - 1, HEADER_BYTES, HEADER_BYTES + 1, whole.length - 1]
    for (let i = 0; i < 200; i++) cuts.push(Math.floor((i * whole.length) / 200))
    for (const length of cuts) {
      await writeFile(file, whole.subarray(0, length))
      await expect(read(), `the first ${length} bytes`).rejects.toMatchObject({ code: 'CDNS_SNAPSHOT_INVALID' })
    }
    await writeFile(file, Buffer.concat([whole, Buffer.alloc(8)]))
    await expect(read()).rejects.toMatchObject({ code: 'CDNS_SNAPSHOT_INVALID' })
  })

  it('is refused with any bits turned over, wherever they are', async () => {
    await write(someIndex())
    const whole = await readFile(file)
    const flip = fc.record({
      at: fc.oneof(fc.nat(300), fc.integer({ min: HEADER_BYTES, max: HEADER_BYTES + 400 }), fc.nat(whole.length - 1)),
      mask: fc.integer({ min: 1, max: 255 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(flip, { minLength: 1, maxLength: 3 }), async (flips) => {
        const damaged = Buffer.from(whole)
        for (const { at, mask } of flips) damaged[at]! ^= mask
        if (damaged.equals(whole)) return
        await writeFile(file, damaged)
        await expect(read()).rejects.toMatchObject({ code: expect.stringMatching(/^CDNS_SNAPSHOT_/) })
      }),
      { numRuns: 400 },
    )
  })

  it('is refused, or read in bounds, when its entries are not of a piece though its hash is right', async () => {
    await write(someIndex())
    const whole = await readFile(file)
    const { description } = (await read())!
    const overwrite = fc.record({
      word: fc.oneof(fc.nat(100), fc.nat((whole.length - HEADER_BYTES) / 4 - 1)),
      value: fc.oneof(fc.integer(), fc.integer({ min: -2, max: 300 }), fc.constant(0x7fffffff)),
    })
    let refused = 0
    await fc.assert(
      fc.asyncProperty(fc.array(overwrite, { minLength: 1, maxLength: 2 }), async (overwrites) => {
        const body = Buffer.from(whole.subarray(HEADER_BYTES))
        for (const { word, value } of overwrites) body.writeInt32LE(value, 4 * word)
        const header = packHeader(description, snapshotHash().update(body))
        await writeFile(file, Buffer.concat([header, body]))
        const result = await read().catch((error: { code?: string }) => error.code)
        if (typeof result === 'string') {
          expect(result).toBe('CDNS_SNAPSHOT_INVALID')
          refused++
        } else {
          const index = openImage(result!.image)
          for (let bucket = 0; bucket < index.bucketCount; bucket++) {
            index.visitBucket(bucket, index.bucketCount, (_hash, bytes) => {
              expect(index.entryEnd).toBeLessThanOrEqual(bytes.length)
            })
          }
        }
      }),
      { numRuns: 300 },
    )
    expect(refused).toBeGreaterThan(50)
  })

  it('is refused when it is something else, or newer, or of other options', async () => {
    for (const bytes of [Buffer.alloc(0), Buffer.from('{"rrsets":[]}'), Buffer.alloc(1 << 20, 0xa5)]) {
      await writeFile(file, bytes)
      await expect(read()).rejects.toMatchObject({ code: 'CDNS_SNAPSHOT_INVALID' })
    }
    await write(someIndex())
    await expect(read('of others')).rejects.toMatchObject({ code: 'CDNS_SNAPSHOT_MISMATCH' })
    const newer = await readFile(file)
    newer.writeUInt32LE(newer.readUInt32LE(8) + 1, 8)
    await writeFile(file, newer)
    await expect(read()).rejects.toMatchObject({ code: 'CDNS_SNAPSHOT_MISMATCH' })
  })

  it('is the old one until the new one is whole, and leaves nothing when it cannot be written', async () => {
    const old = someIndex()
    await write(old)
    await writeFile(`${file}.tmp`, 'what a process has left that was killed')
    old.write('new.example', [TXT])
    await write(old)
    ;(await restored(old.model)).check()
    expect(await readdir(folder)).toEqual(['snapshot'])
    await rm(file)
    await mkdir(join(file, 'in the way'), { recursive: true })
    await expect(write(old)).rejects.toBeInstanceOf(Error)
    expect(await readdir(folder)).toEqual(['snapshot'])
    await expect(read()).rejects.toBeInstanceOf(Error)
  })
})

function someIndex(): CheckedIndex {
  const index = new CheckedIndex()
  for (let i = 0; i < 200; i++) index.write(`n${i}.z${i % 5}.example`, i % 3 === 0 ? [A, TXT] : [A])
  return index
}
