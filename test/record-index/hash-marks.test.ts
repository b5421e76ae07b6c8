import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CONTROL_NS_MARKS } from '../../lib/record-index/layout.js'
import { RecordIndexWriter } from '../../lib/record-index/record-index-writer.js'
import { hashName, nameFromText } from '../../lib/wire/name.js'
import { Answering } from '../support/answering.js'

const label = fc.constantFrom('a', '*', 'b', 'c')
const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'))
const names = fc.uniqueArray(name, { minLength: 1, maxLength: 30 })

function hashOf(text: string, seed: number): number {
  const wire = nameFromText(text)
  return hashName(wire, 0, wire.length, seed)
}

function marksOf(index: RecordIndexWriter): number {
  return new Int32Array(index.handle(0).control).subarray(CONTROL_NS_MARKS).filter((word) => word !== 0).length
}

describe('the marks of NS RRsets and wildcards', () => {
  it('are there for each name that has any, and gone when all have gone', () => {
    const property = fc.property(names, names, (some, others) => {
      const server = new Answering()
      const { reader } = server.index
      const put = (owner: string) => server.put({ name: owner, type: 'NS', data: ['ns.org'] })
      for (const owner of [...some, ...others]) put(owner)
      for (const owner of others) server.index.write(nameFromText(owner), [])
      const left = some.filter((owner) => !others.includes(owner))
      for (const owner of left) {
        expect(reader.mayHaveNs(hashOf(owner, reader.seed))).toBe(true)
        const labels = owner.split('.')
        for (const [i, first] of labels.entries()) {
          if (first !== '*') continue
          const above = labels.slice(i + 1).join('.') || '.'
          expect(reader.mayHaveWildcard(hashOf(above, reader.seed)), above).toBe(true)
        }
      }
      for (const owner of left) server.index.write(nameFromText(owner), [])
      expect(marksOf(server.index)).toBe(0)
    })
    fc.assert(property, { numRuns: 100 })
  })

  it('come along with an index that was built elsewhere, and go as if they had been made here', () => {
    const built = new Answering().put(
      { name: 'cut.example', type: 'NS', data: ['ns.org'] },
      { name: '*.wild.example', type: 'A', data: ['192.0.2.1'] },
    )
    const index = new RecordIndexWriter({ readers: 0, seed: 99, serial: 1, onSegment: () => {} })
    const seen = index.reader
    for (const _step of index.adopt(built.index.image()));
    expect(seen.mayHaveNs(hashOf('cut.example', 99))).toBe(true)
    expect(seen.mayHaveWildcard(hashOf('wild.example', 99))).toBe(true)
    index.write(nameFromText('cut.example'), [])
    index.write(nameFromText('*.wild.example'), [])
    expect(marksOf(index)).toBe(0)
  })
})
