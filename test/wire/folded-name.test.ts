import { decode } from 'dns-packet'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FoldedName } from '../../lib/wire/folded-name.js'
import { foldName, hashName, nameFromText, nameToText } from '../../lib/wire/name.js'
import { hostName, wireName } from '../support/arbitraries.js'
import { buildQuery } from '../support/build-query.js'

/** The same, the slow way. */
function model(name: Uint8Array, seed: number) {
  const folded = name.slice()
  foldName(folded, 0, folded.length)
  const starts: number[] = []
  for (let at = 0; folded[at] !== 0; at += folded[at]! + 1) starts.push(at)
  starts.push(folded.length - 1)
  return { folded, starts, hashes: starts.map((at) => hashName(folded, at, folded.length - at, seed)) }
}

describe('FoldedName', () => {
  it('agrees with a naive model on any name, hashName on every suffix included', () => {
    const name = new FoldedName()
    const property = fc.property(wireName, fc.nat(7), fc.integer(), (bytes, before, seed) => {
      const source = new Uint8Array(bytes.length + 2 * before).fill(0xaa)
      source.set(bytes, before)
      expect(name.read(source, before, before + bytes.length, seed)).toBe(true)
      const expected = model(bytes, seed)
      expect(name.bytes.slice(0, name.length)).toEqual(expected.folded)
      expect([...name.labelStarts.subarray(0, name.labelCount + 1)]).toEqual(expected.starts)
      expect([...name.suffixHashes.subarray(0, name.labelCount + 1)]).toEqual(expected.hashes)
      expect(name.hash).toBe(expected.hashes[0])
    })
    fc.assert(property)
  })

  it('refuses any bytes that are no whole name, and reads none behind their end', () => {
    const name = new FoldedName()
    const property = fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const wholeLength = bytes.length
      const accepted = name.read(bytes, 0, wholeLength, 1)
      // A zero behind the end would turn a cut name into a whole one, if it were read.
      expect(name.read(Uint8Array.of(...bytes, 0, 0), 0, wholeLength, 1)).toBe(accepted)
      if (accepted) expect(nameFromText(nameToText(name.bytes)).length).toBe(name.length)
    })
    fc.assert(property)
  })

  it('agrees with dns-packet on names that it can hold', () => {
    const name = new FoldedName()
    const property = fc.property(hostName, (text) => {
      const query = buildQuery(text)
      expect(name.read(query, 12, query.length, 1)).toBe(true)
      expect(nameToText(name.bytes)).toBe(decode(Buffer.from(query)).questions![0]!.name.toLowerCase())
    })
    fc.assert(property)
  })
})
