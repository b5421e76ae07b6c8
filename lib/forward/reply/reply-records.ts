import { CLASS_IN, HEADER_SIZE, MAX_MESSAGE_SIZE, MAX_TTL, RDLENGTH_SIZE, Type } from '../../wire/constants.js'
import { FoldedName } from '../../wire/folded-name.js'
import type { Header } from '../../wire/header.js'
import { MessageName } from './message-name.js'

/** No record. */
export const NONE = -1
export const Section = { answer: 0, authority: 1, additional: 2 } as const

/** The root's name, type, class, TTL and the length of no rdata. */
const SMALLEST_RECORD = 11
/** What a message has room for: counts that say more lie. */
export const MAX_RECORDS = Math.floor((MAX_MESSAGE_SIZE - HEADER_SIZE) / SMALLEST_RECORD)
const TYPE_CLASS_TTL_SIZE = 8

/** Where the records of an upstream's reply stand. Made once, and read into again and again. */
export class ReplyRecords {
  readonly seed: number
  count = 0
  /** Of record i: its owner's place and hash, type, class, TTL, section, and rdata. */
  readonly owners = new Uint16Array(MAX_RECORDS)
  readonly ownerHashes = new Int32Array(MAX_RECORDS)
  readonly types = new Uint16Array(MAX_RECORDS)
  readonly classes = new Uint16Array(MAX_RECORDS)
  readonly ttls = new Uint32Array(MAX_RECORDS)
  readonly sections = new Uint8Array(MAX_RECORDS)
  readonly rdataStarts = new Uint16Array(MAX_RECORDS)
  readonly rdataLengths = new Uint16Array(MAX_RECORDS)
  message: Uint8Array = new Uint8Array(0)
  messageLength = 0
  readonly #name = new MessageName()
  readonly #owner = new FoldedName()

  constructor(seed: number) {
    this.seed = seed
  }

  /** Reads the records from `position` on. False when they are cut short, are too many, or a name in front of one breaks a rule. */
  read(message: Uint8Array, position: number, end: number, header: Header): boolean {
    const authorityFrom = header.answerCount
    const additionalFrom = authorityFrom + header.authorityCount
    const count = additionalFrom + header.additionalCount
    this.count = 0
    this.message = message
    this.messageLength = end
    if (count > MAX_RECORDS) return false
    let at = position
    for (let i = 0; i < count; i++) {
      this.sections[i] =
        i < authorityFrom ? Section.answer : i < additionalFrom ? Section.authority : Section.additional
      at = this.#readRecord(i, at)
      if (at === CUT_SHORT) return false
    }
    this.count = count
    return true
  }

  /** The first record of one name, class IN and type in a section; NONE if there is none. */
  find(name: FoldedName, type: number, section: number): number {
    for (let i = 0; i < this.count; i++) if (this.isOf(i, name, type, section)) return i
    return NONE
  }

  isOf(i: number, name: FoldedName, type: number, section: number): boolean {
    if (this.types[i] !== type || this.sections[i] !== section || this.classes[i] !== CLASS_IN) return false
    return this.isAt(i, name)
  }

  /** The type that a signature is about, which begins its rdata (RFC 4034 §3.1). */
  coveredType(i: number): number {
    return this.rdataLengths[i]! < 2 ? 0 : u16(this.message, this.rdataStarts[i]!)
  }

  /** RFC 2181 §8: a TTL whose uppermost bit is set is 0. */
  ttlOf(i: number): number {
    const ttl = this.ttls[i]!
    return ttl > MAX_TTL ? 0 : ttl
  }

  /** Whether record i stands at a name that was read with the same seed. */
  isAt(i: number, name: FoldedName): boolean {
    if (this.ownerHashes[i] !== name.hash) return false
    const owner = this.ownerOf(i)
    if (owner.length !== name.length) return false
    for (let at = 0; at < owner.length; at++) if (owner.bytes[at] !== name.bytes[at]) return false
    return true
  }

  /** The owner of record i, until the next call. */
  ownerOf(i: number): FoldedName {
    this.readName(this.owners[i]!, this.#owner, this.messageLength)
    return this.#owner
  }

  /** A name anywhere in the message, folded. False when it breaks a rule, or does not end before `limit`. */
  readName(position: number, target: FoldedName, limit: number): boolean {
    const name = this.#name
    return name.read(this.message, position, limit) && target.read(name.bytes, 0, name.length, this.seed)
  }

  #readRecord(i: number, position: number): number {
    const { message } = this
    const name = this.#name
    if (!name.read(message, position, this.messageLength)) return CUT_SHORT
    const at = name.end
    const rdata = at + TYPE_CLASS_TTL_SIZE + RDLENGTH_SIZE
    if (rdata > this.messageLength) return CUT_SHORT
    this.#owner.read(name.bytes, 0, name.length, this.seed)
    this.owners[i] = position
    this.ownerHashes[i] = this.#owner.hash
    this.types[i] = u16(message, at)
    this.classes[i] = u16(message, at + 2)
    this.ttls[i] = u16(message, at + 4) * 0x10000 + u16(message, at + 6)
    this.rdataStarts[i] = rdata
    const length = u16(message, rdata - RDLENGTH_SIZE)
    this.rdataLengths[i] = length
    return rdata + length > this.messageLength ? CUT_SHORT : rdata + length
  }

  /** The upper bits of the RCODE, which an OPT record has; 0 without one (RFC 6891 §6.1.3). */
  get extendedRcodeBits(): number {
    for (let i = 0; i < this.count; i++) {
      if (this.types[i] === Type.OPT && this.sections[i] === Section.additional) return (this.ttls[i]! >>> 24) << 4
    }
    return 0
  }
}

const CUT_SHORT = -1

function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!
}
