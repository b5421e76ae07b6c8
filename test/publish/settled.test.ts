import { describe, expect, it } from 'vitest'
import { systemClock } from '../../lib/clock.js'
import { silentLogger } from '../../lib/log.js'
import { Publisher } from '../../lib/publish/publisher.js'
import { nameFromText } from '../../lib/wire/name.js'
import { CheckedIndex, toWire } from '../record-index/checked-index.js'

function publisherOn({ writer }: CheckedIndex): Publisher {
  return new Publisher({
    ...{ index: writer, defaultTtl: 30, logger: silentLogger, clock: systemClock, views: ['default'], loaderFile: '' },
    ...{ readerSlot: 0, placeOf: () => 'inside', zoneNames: () => [], synthesizesPtr: false },
    ...{ onChange: () => {}, onBadRecord: () => {}, onDown: () => {}, onUp: () => {} },
    ...{ onHealth: () => {}, onError: () => {} },
  })
}

/** Whether it has resolved by the time that another promise has, and a few turns later. */
async function isOverAfter(promise: Promise<void>, other: Promise<void>): Promise<boolean> {
  let isOver = false
  void promise.then(() => {
    isOver = true
  })
  await other
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
  return isOver
}

describe('settled', () => {
  it('waits for readers that were there before a write, whoever waits already', async () => {
    const index = new CheckedIndex()
    const publisher = publisherOn(index)
    index.reader.enter()
    const before = publisher.settled()
    index.reader.leave()
    index.reader.enter()
    publisher.write(
      nameFromText('www.example.org'),
      toWire([{ type: 1, ttl: 30, count: 1, wire: [0, 4, 192, 0, 2, 1], side: [] }]),
    )
    const after = publisher.settled()
    expect(await isOverAfter(after, before)).toBe(false)
    index.reader.leave()
    await after
  })

  it('is not the wait of somebody before the load for those who wait for the load', async () => {
    const index = new CheckedIndex()
    const publisher = publisherOn(index)
    index.reader.enter()
    const before = publisher.settled()
    index.reader.leave()
    index.reader.enter()
    const loaded = publisher.setLoaded()
    expect(await isOverAfter(loaded, before)).toBe(false)
    index.reader.leave()
    await loaded
    expect(index.reader.loaded).toBe(true)
  })

  it('is one wait for all who wait for the same writes', () => {
    const index = new CheckedIndex()
    const publisher = publisherOn(index)
    index.reader.enter()
    expect(publisher.settled()).toBe(publisher.settled())
    index.reader.leave()
  })
})
