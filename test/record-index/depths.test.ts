import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { depthBit } from '../../lib/record-index/layout.js'
import type { RRset } from '../../lib/records/rrset.js'
import { nameFromText } from '../../lib/wire/name.js'
import { Answering } from '../support/answering.js'

/** The bits that say so, from all names that there are. */
function maskOf(depths: Iterable<number>): number {
  let mask = 0
  for (const depth of depths) mask |= 1 << depthBit(depth)
  return mask
}

const depthOf = (name: string) => name.split('.').length

describe('the depths of NS RRsets and wildcards', () => {
  it('are those of the names that are there, whatever has come and gone', () => {
    const label = fc.constantFrom('a', '*', 'b')
    const name = fc
      .tuple(fc.array(label, { minLength: 1, maxLength: 4 }), fc.constantFrom(0, 0, 0, 30, 34))
      .map(([labels, more]) => [...labels, ...Array<string>(more).fill('x')].join('.'))
    const change = fc.tuple(name, fc.constantFrom('A', 'NS', 'both', 'none'))
    const property = fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
      const server = new Answering()
      const model = new Map<string, string>()
      for (const [owner, kind] of changes) {
        model.set(owner, kind)
        server.index.write(nameFromText(owner), [])
        const ns: RRset = { name: owner, type: 'NS', data: ['ns.org'] }
        const a: RRset = { name: owner, type: 'A', data: ['192.0.2.1'] }
        if (kind !== 'none') server.put(...(kind === 'both' ? [a, ns] : [kind === 'NS' ? ns : a]))
      }
      const there = [...model].filter(([, kind]) => kind !== 'none')
      const ns = there.filter(([, kind]) => kind !== 'A').map(([owner]) => depthOf(owner))
      const all = there.flatMap(([owner]) => owner.split('.').map((_, i, labels) => labels.slice(i)))
      const wildcards = all.filter(([first]) => first === '*').map((labels) => labels.length)
      const { reader } = server.index
      expect([reader.nsDepths, reader.wildcardDepths]).toEqual([maskOf(ns), maskOf(wildcards)])
    })
    fc.assert(property, { numRuns: 300 })
  })
})
