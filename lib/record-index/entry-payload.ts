import { ContainerDnsError } from '../errors.js'
import { saysHowToAnswer } from '../records/rrset-side.js'
import type { WireRRset } from '../records/wire-rrset.js'
import { SEGMENT_BYTES } from '../shared-table/layout.js'
import { nameToText } from '../wire/name.js'
import {
  CHILDREN,
  DIRECTORY,
  DIRECTORY_SIDE_BYTES,
  DIRECTORY_TTL,
  DIRECTORY_TYPE_AND_COUNT,
  DIRECTORY_WIRE_BYTES,
  DIRECTORY_WORDS,
  HAS_VIEWS,
  RRSET_COUNT,
  SAYS_HOW_TO_ANSWER,
  SYNTHESIZED,
  VIEW_SHIFT,
} from './layout.js'

/** All RRsets of a name, with what the store remembers of them. Half a segment: the names above it must find room in the same one. */
const MAX_PAYLOAD_BYTES = SEGMENT_BYTES / 2

/** Where a payload goes, as `TableWriter.begin` has made room for it. */
export interface PayloadPlace {
  readonly words: Int32Array
  readonly bytes: Uint8Array
  readonly payloadWord: number
}

/** Writes the payload of an entry: RRsets in the order of their views, `payloadBytesOf` long. */
export function writePayload(place: PayloadPlace, rrsets: readonly WireRRset[], children: number): void {
  const { words, bytes, payloadWord } = place
  // In order of their views, the last tells whether there are others than the default one.
  const hasViews = rrsets.length > 0 && viewOf(rrsets.at(-1)!) > 0
  words[payloadWord + RRSET_COUNT] = rrsets.length | (hasViews ? HAS_VIEWS : 0)
  words[payloadWord + CHILDREN] = children
  let at = payloadWord + DIRECTORY
  let position = 4 * (at + rrsets.length * DIRECTORY_WORDS)
  for (const rrset of rrsets) {
    const marks = (rrset.isSynthesized === true ? SYNTHESIZED : 0) | (saysHowToAnswer(rrset) ? SAYS_HOW_TO_ANSWER : 0)
    words[at + DIRECTORY_TYPE_AND_COUNT] = (rrset.type << 16) | marks | rrset.count
    words[at + DIRECTORY_TTL] = rrset.ttl
    words[at + DIRECTORY_WIRE_BYTES] = (viewOf(rrset) << VIEW_SHIFT) | rrset.length
    words[at + DIRECTORY_SIDE_BYTES] = rrset.sideLength
    at += DIRECTORY_WORDS
    copyBytes(rrset.bytes, rrset.start, bytes, position, rrset.length)
    position += rrset.length
  }
  for (const rrset of rrsets) {
    copyBytes(rrset.side, rrset.sideStart, bytes, position, rrset.sideLength)
    position += rrset.sideLength
  }
}

/** 0 for the default view. */
export function viewOf({ view = 0 }: WireRRset): number {
  return view
}

/** The order of those of one view stays. */
export function inOrderOfViews(rrsets: readonly WireRRset[]): readonly WireRRset[] {
  const isSorted = rrsets.every((rrset, i) => i === 0 || viewOf(rrsets[i - 1]!) <= viewOf(rrset))
  return isSorted ? rrsets : [...rrsets].sort((a, b) => viewOf(a) - viewOf(b))
}

/** Bytes that the payload of an owner takes. Throws CDNS_RRSET_TOO_LARGE. */
export function payloadBytesOf(name: Uint8Array, rrsets: readonly WireRRset[]): number {
  let bytes = 4 * (DIRECTORY + rrsets.length * DIRECTORY_WORDS)
  for (const rrset of rrsets) bytes += rrset.length + rrset.sideLength
  if (bytes <= MAX_PAYLOAD_BYTES) return bytes
  throw new ContainerDnsError(
    'CDNS_RRSET_TOO_LARGE',
    `all RRsets of ${nameToText(name)} together take ${bytes} bytes, ${MAX_PAYLOAD_BYTES} are allowed`,
  )
}

function copyBytes(source: Uint8Array, from: number, target: Uint8Array, to: number, length: number): void {
  for (let i = 0; i < length; i++) target[to + i] = source[from + i]!
}
