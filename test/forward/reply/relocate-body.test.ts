import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BodyWriter } from '../../../lib/forward/reply/body-writer.js'
import { MessageName } from '../../../lib/forward/reply/message-name.js'
import { NAME, REST, rdataNames, STRING } from '../../../lib/forward/reply/rdata-names.js'
import { relocateBody } from '../../../lib/forward/reply/relocate-body.js'
import { MAX_NAME_LENGTH } from '../../../lib/wire/constants.js'
import { FoldedName } from '../../../lib/wire/folded-name.js'
import { foldName } from '../../../lib/wire/name.js'
import { label } from '../../support/arbitraries.js'

// A body is written for its name as a question's, and moved to behind CNAMEs that lead there. Names are read again and compared as bytes.

const SEED = 7
const FARTHEST_POINTER = 0x3fff
const NAME_TYPES = [2, 3, 4, 5, 6, 7, 8, 9, 12, 14, 15, 17, 18, 21, 24, 26, 30, 33, 35, 36, 39]
const OTHER_TYPES = [1, 16, 28, 46, 65_280]

type Labels = readonly Uint8Array[]

/** What stands in the rdata of a record, piece by piece; as the bytes that come out of it in the end. */
type Piece = { readonly name: Uint8Array } | { readonly bytes: Uint8Array }

interface Item {
  readonly owner: Uint8Array
  readonly type: number
  readonly pieces: readonly Piece[]
}

function wireOf(labels: Labels): Uint8Array {
  const octets: number[] = []
  for (const each of labels) if (octets.length + 2 + each.length <= MAX_NAME_LENGTH) octets.push(each.length, ...each)
  return Uint8Array.from([...octets, 0])
}

/** Names that share their ends, so that there is something to point to: any labels before one of the ends of `base`. */
const nameNear = (base: Labels) =>
  fc
    .tuple(fc.array(label(12), { maxLength: 3 }), fc.nat(base.length), fc.boolean())
    .map(([more, from, isOtherCase]) => {
      const wire = wireOf([...more, ...base.slice(from)])
      return isOtherCase ? swapCase(wire) : wire
    })

const pieceOf = (piece: number, base: Labels): fc.Arbitrary<Piece> => {
  if (piece === NAME) return nameNear(base).map((name) => ({ name }))
  const bytes =
    piece === STRING
      ? fc.uint8Array({ maxLength: 40 }).map((text) => Uint8Array.from([text.length, ...text]))
      : fc.uint8Array(piece === REST ? { maxLength: 60 } : { minLength: piece, maxLength: piece })
  return bytes.map((octets) => ({ bytes: octets }))
}

const item = (base: Labels, longest: number): fc.Arbitrary<Item> =>
  fc.constantFrom(...NAME_TYPES, ...OTHER_TYPES).chain((type) => {
    const names = rdataNames(type)
    const pieces: fc.Arbitrary<readonly Piece[]> =
      names === undefined
        ? fc.uint8Array({ maxLength: longest, size: 'max' }).map((bytes) => [{ bytes }])
        : fc.tuple(...names.pieces.map((piece) => pieceOf(piece, base)))
    return fc.record({ owner: nameNear(base), type: fc.constant(type), pieces })
  })

/** A target, the labels that a name of ours has before one of its ends, whether another CNAME is between, and what others say of the target. */
const scene = (most: number, longest: number) =>
  fc.array(label(20), { maxLength: 6 }).chain((target) =>
    fc.record({
      target: fc.constant(target),
      alias: nameNear(target),
      between: fc.option(nameNear(target), { nil: undefined }),
      items: fc.array(item(target, longest), { minLength: 1, maxLength: most }),
      start: fc.nat(300),
    }),
  )

interface Moved {
  readonly isDone: boolean
  readonly message: Uint8Array
  readonly bodyOffset: number
}

/** Writes the body for its target, then moves it to behind the CNAMEs of another message. */
function move(target: Uint8Array, chain: readonly Uint8Array[], items: readonly Item[], start: number): Moved {
  const body = bodyFor(target, items)
  const front = new BodyWriter(SEED)
  front.begin(folded(chain[0]!))
  let nameOffset = 0
  for (const [i, owner] of chain.entries()) {
    const next = chain[i + 1] ?? target
    front.name(owner, owner.length)
    for (const half of [5, 1, 0, 60]) front.u16(half)
    const length = front.position
    front.u16(0)
    nameOffset = front.position
    front.name(next, next.length)
    const size = front.position - nameOffset
    front.bytes[length] = size >>> 8
    front.bytes[length + 1] = size
  }
  const bodyOffset = front.position
  const bytes = new Uint8Array(start + bodyOffset + body.length)
  bytes.fill(0xc0, 0, start)
  bytes.set(front.bytes.subarray(0, bodyOffset), start)
  bytes.set(body, start + bodyOffset)
  const recordCount = items.length
  const isDone = relocateBody({ bytes, start, bodyOffset, recordCount, nameLength: target.length, nameOffset })
  return { isDone, message: bytes.subarray(start), bodyOffset }
}

function bodyFor(target: Uint8Array, items: readonly Item[]): Uint8Array {
  const writer = new BodyWriter(SEED)
  writer.begin(folded(target))
  for (const { owner, type, pieces } of items) {
    writer.name(owner, owner.length)
    for (const half of [type, 1, 0, 60]) writer.u16(half)
    const length = writer.position
    writer.u16(0)
    for (const piece of pieces) {
      if (!('name' in piece)) writer.copy(piece.bytes, 0, piece.bytes.length)
      else if (rdataNames(type)!.isCompressible) writer.name(piece.name, piece.name.length)
      else writer.copy(piece.name, 0, piece.name.length)
    }
    const size = writer.position - length - 2
    writer.bytes[length] = size >>> 8
    writer.bytes[length + 1] = size
  }
  expect(writer.failed).toBe(false)
  return writer.bytes.slice(writer.bodyStart, writer.position)
}

/** Reads the records behind `at`, and claims that they are those: names whatever their case, all else to the octet. */
function expectItems(message: Uint8Array, at: number, items: readonly Item[]): void {
  const name = new MessageName()
  let position = at
  const readName = (): string => {
    expect(name.read(message, position, message.length)).toBe(true)
    position = name.end
    return hex(lowered(name.bytes.slice(0, name.length)))
  }
  for (const { owner, type, pieces } of items) {
    expect(readName()).toBe(hex(lowered(owner)))
    expect((message[position]! << 8) | message[position + 1]!).toBe(type)
    const end = position + 10 + ((message[position + 8]! << 8) | message[position + 9]!)
    position += 10
    for (const piece of pieces) {
      if ('name' in piece) expect(readName()).toBe(hex(lowered(piece.name)))
      else {
        expect(hex(message.slice(position, position + piece.bytes.length))).toBe(hex(piece.bytes))
        position += piece.bytes.length
      }
    }
    expect(position).toBe(end)
  }
  expect(position).toBe(message.length)
}

describe('a body that is moved to behind CNAMEs', () => {
  it('has the names that it had, whatever types they stand in and wherever they point', () => {
    fc.assert(
      fc.property(scene(8, 40), ({ target, alias, between, items, start }) => {
        const chain = between === undefined ? [alias] : [alias, between]
        const { isDone, message, bodyOffset } = move(wireOf(target), chain, items, start)
        expect(isDone).toBe(true)
        expectItems(message, bodyOffset, items)
      }),
      { numRuns: 500 },
    )
  })

  it('is given up where a pointer would have to lead too far, and for nothing else', () => {
    let givenUp = 0
    fc.assert(
      fc.property(scene(6, 6_000), ({ target, alias, items, start }) => {
        const padding = { owner: wireOf(target), type: 65_280, pieces: [{ bytes: new Uint8Array(9_000) }] }
        const all = [padding, ...items, ...items]
        const { isDone, message, bodyOffset } = move(wireOf(target), [alias], all, start)
        if (isDone) expectItems(message, bodyOffset, all)
        else {
          givenUp++
          expect(message.length).toBeGreaterThan(FARTHEST_POINTER)
        }
      }),
      { numRuns: 200 },
    )
    expect(givenUp).toBeLessThan(200)
  })

  it('is given up where its last pointer leads one octet too far', () => {
    const target = wireOf([Buffer.from('www'), Buffer.from('example')])
    const far = wireOf([Buffer.from('far')])
    // The same message twice, its padding an octet longer each time: at some length the name `far` can no longer be pointed to.
    const results = Array.from({ length: 100 }, (_, more) => {
      const padding = {
        owner: target,
        type: 65_280,
        pieces: [{ bytes: new Uint8Array(FARTHEST_POINTER - 100 + more) }],
      }
      const items = [padding, { owner: far, type: 1, pieces: [{ bytes: new Uint8Array(4) }] }]
      const { isDone, message, bodyOffset } = move(target, [wireOf([Buffer.from('a')])], [...items, items[1]!], 0)
      if (isDone) expectItems(message, bodyOffset, [...items, items[1]!])
      return isDone
    })
    expect(results[0]).toBe(true)
    expect(results).toContain(false)
    // From there on it was not pointed to in the first place.
    expect(results.at(-1)).toBe(true)
  })
})

function folded(name: Uint8Array): FoldedName {
  const target = new FoldedName()
  target.read(name, 0, name.length, SEED)
  return target
}

function lowered(name: Uint8Array): Uint8Array {
  const copy = name.slice()
  foldName(copy, 0, copy.length)
  return copy
}

function swapCase(name: Uint8Array): Uint8Array {
  const copy = name.slice()
  for (let at = 0; copy[at] !== 0; at += 1 + copy[at]!) {
    for (let i = 1; i <= copy[at]!; i++) if (/[a-z]/i.test(String.fromCharCode(copy[at + i]!))) copy[at + i]! ^= 0x20
  }
  return copy
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
