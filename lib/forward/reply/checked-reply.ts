import { CLASS_IN, HEADER_SIZE, MAX_MESSAGE_SIZE, MAX_TTL, Rcode, Type } from '../../wire/constants.js'
import { FoldedName } from '../../wire/folded-name.js'
import { FLAG_AA, FLAG_AD, FLAG_RA, Header } from '../../wire/header.js'
import { WireReader } from '../../wire/reader.js'
import { MessageName } from './message-name.js'
import { ReplyBody } from './reply-body.js'
import { NONE, ReplyRecords, Section } from './reply-records.js'

/** How many CNAMEs a reply may lead through; as many as we follow among our own. */
export const MAX_CHAIN_LENGTH = 8

/** Types that only DNSSEC has. */
const DnssecType = { RRSIG: 46, NSEC: 47, NSEC3: 50 } as const
const DNAME = 39
/** RFC 4034 §3.1: of an RRSIG's rdata, the type that it is about begins it, and the signer's name stands behind the numbers. */
const SIGNER_NAME = 18
const SOA_MINIMUM_SIZE = 4
const QUESTION_END_SIZE = 4

export interface ReplyQuestion {
  readonly name: FoldedName
  readonly type: number
  readonly isDnssecOk: boolean
}

/** Seconds. */
export interface ReplyTtls {
  readonly minTtl: number
  readonly maxTtl: number
  readonly maxNegativeTtl: number
}

export interface ReplyRules extends ReplyTtls {
  /** Whether whoever has answered may also speak of a name to which a chain leads; the others are for other servers, or for us. */
  mayAnswerFor(name: FoldedName): boolean
}

/**
 * What is taken of an upstream's reply: the chain of CNAMEs that begins at the question, the RRset that was asked for at its end, or the SOA
 * that says why there is none; with DO, the signatures and proofs that go with them. All else is left out, whoever may want it known.
 *
 * Written anew, so that nothing of how the upstream has put it together is left. Made once, and read into again and again.
 */
export class CheckedReply {
  rcode: number = Rcode.NOERROR
  isAuthenticated = false
  isNodata = false
  /** What goes behind the question. It holds for its `ttl`; 0: for those who wait for it alone. */
  readonly body: ReplyBody
  /** Of what is read from now on. */
  ttls: ReplyTtls
  readonly #rules: ReplyRules
  readonly #reader = new WireReader()
  readonly #header = new Header()
  readonly #records: ReplyRecords
  readonly #name = new MessageName()
  /** Where the chain is. */
  readonly #effective = new FoldedName()
  readonly #target = new FoldedName()
  readonly #zone = new FoldedName()
  readonly #chainHashes = new Int32Array(MAX_CHAIN_LENGTH + 1)
  #isDnssecOk = false
  #isForeign = false

  /** `seed` is that with which the names of questions are hashed. */
  constructor(seed: number, rules: ReplyRules) {
    this.#rules = rules
    this.ttls = rules
    this.#records = new ReplyRecords(seed)
    this.body = new ReplyBody(this.#records)
  }

  /** Reads a reply whose ID, question and sender are right. False when it contradicts itself, or breaks a rule. */
  read(message: Uint8Array, length: number, question: ReplyQuestion): boolean {
    if (length > MAX_MESSAGE_SIZE) return false
    const header = this.#header
    this.#reader.reset(message, 0, length)
    if (!header.read(this.#reader) || header.questionCount !== 1) return false
    if (!this.#name.read(message, HEADER_SIZE, length)) return false
    if (!this.#records.read(message, this.#name.end + QUESTION_END_SIZE, length, header)) return false
    this.rcode = (header.flags & 0xf) | this.#records.extendedRcodeBits
    if (this.rcode !== Rcode.NOERROR && this.rcode !== Rcode.NXDOMAIN) return false
    this.isAuthenticated = (header.flags & FLAG_AD) !== 0
    this.#isDnssecOk = question.isDnssecOk
    this.isNodata = false
    this.#isForeign = false
    this.body.begin(question.name)
    return this.#takeAll(question) && !this.body.failed
  }

  #takeAll({ name, type }: ReplyQuestion): boolean {
    const last = this.#follow(name, type)
    if (last === BROKEN) return false
    this.body.endAnswer()
    if (last === FOUND) {
      // RFC 2308 §2.1: that the name is not there cannot be said beside what it has.
      if (this.rcode === Rcode.NXDOMAIN) return false
      if (this.#isDnssecOk) this.#takeProofs(this.#zone)
    } else if (this.#isForeign) {
      // What became of the rest of the chain is not for this upstream to say.
      this.rcode = Rcode.NOERROR
    } else if (!this.#takeNegative()) return false
    this.body.finish()
    return true
  }

  /** RFC 1034 §5.3.3 step 4: from CNAME to CNAME, up to the RRset that was asked for. */
  #follow(qname: FoldedName, type: number): number {
    let name = this.#copyName(qname)
    for (let links = 0; ; links++) {
      if (this.#takeRRset(name, type)) return FOUND
      const cname = type === Type.CNAME ? NONE : this.#records.find(name, Type.CNAME, Section.answer)
      if (cname === NONE) return MISSING
      if (links === MAX_CHAIN_LENGTH) return BROKEN
      this.#chainHashes[links] = name.hash
      if (!this.#readTarget(cname)) return BROKEN
      this.#takeDname(name)
      this.body.take(cname, this.#clampedTtl(cname))
      this.#takeSignatures(name, Type.CNAME, Section.answer)
      if (this.#closesLoop(links)) return BROKEN
      name = this.#copyName(this.#target)
      if (this.#rules.mayAnswerFor(name)) continue
      this.#isForeign = true
      return MISSING
    }
  }

  #copyName(name: FoldedName): FoldedName {
    this.#effective.read(name.bytes, 0, name.length, this.#records.seed)
    return this.#effective
  }

  #readTarget(cname: number): boolean {
    const records = this.#records
    const start = records.rdataStarts[cname]!
    return records.readName(start, this.#target, start + records.rdataLengths[cname]!)
  }

  #closesLoop(links: number): boolean {
    for (let i = 0; i <= links; i++) if (this.#chainHashes[i] === this.#target.hash) return true
    return false
  }

  /** RFC 6672 §5.3.1: the DNAME that the CNAME of a name was made from goes in front of it. */
  #takeDname(name: FoldedName): void {
    const records = this.#records
    for (let i = 0; i < records.count; i++) {
      if (records.types[i] !== DNAME || records.sections[i] !== Section.answer) continue
      // Without reading it: a reply may have thousands, and be looked through for each CNAME.
      if (!hasSuffixHash(name, records.ownerHashes[i]!)) continue
      const owner = records.ownerOf(i)
      if (owner.labelCount >= name.labelCount || !name.isAtOrBelow(owner, 0)) continue
      this.#zone.read(owner.bytes, 0, owner.length, records.seed)
      this.body.take(i, this.#clampedTtl(i))
      this.#takeSignatures(this.#zone, DNAME, Section.answer)
      return
    }
  }

  /** Takes the records of one name and type out of the answer section, with one TTL for all (RFC 2181 §5.2); false if there is none. */
  #takeRRset(name: FoldedName, type: number): boolean {
    const records = this.#records
    let ttl = MAX_TTL
    let isThere = false
    for (let i = 0; i < records.count; i++) {
      if (!records.isOf(i, name, type, Section.answer)) continue
      ttl = Math.min(ttl, this.#clampedTtl(i))
      isThere = true
    }
    if (!isThere) return false
    for (let i = 0; i < records.count; i++) if (records.isOf(i, name, type, Section.answer)) this.body.take(i, ttl)
    this.#takeSignatures(name, type, Section.answer)
    return true
  }

  /** With DO, the signatures of an RRset that has been taken; leaves their signer, if it may be one, as the zone. */
  #takeSignatures(name: FoldedName, type: number, section: number): void {
    if (!this.#isDnssecOk || type === DnssecType.RRSIG) return
    const records = this.#records
    for (let i = 0; i < records.count; i++) {
      if (!records.isOf(i, name, DnssecType.RRSIG, section) || records.coveredType(i) !== type) continue
      this.body.take(i, this.#clampedTtl(i))
    }
  }

  /** RFC 4035 §3.1.3: with DO, what proves that a wildcard was needed, or that there is no such thing. Only of the zone that answered. */
  #takeProofs(zone: FoldedName): void {
    const records = this.#records
    if (!this.#readSigner(zone)) return
    for (let i = 0; i < records.count; i++) {
      if (records.sections[i] !== Section.authority || records.classes[i] !== CLASS_IN) continue
      const type = records.types[i] === DnssecType.RRSIG ? records.coveredType(i) : records.types[i]!
      if (type !== DnssecType.NSEC && type !== DnssecType.NSEC3) continue
      if (records.ownerOf(i).isAtOrBelow(zone, 0)) this.body.take(i, this.#clampedTtl(i), Section.authority)
    }
  }

  /** The zone that has signed what stands at the end of the chain: it must be that name's own, or above it. */
  #readSigner(zone: FoldedName): boolean {
    const records = this.#records
    for (let i = 0; i < records.count; i++) {
      if (!records.isOf(i, this.#effective, DnssecType.RRSIG, Section.answer)) continue
      const end = records.rdataStarts[i]! + records.rdataLengths[i]!
      if (records.rdataLengths[i]! <= SIGNER_NAME) continue
      if (!records.readName(records.rdataStarts[i]! + SIGNER_NAME, zone, end)) continue
      if (this.#effective.isAtOrBelow(zone, 0)) return true
    }
    return false
  }

  /** RFC 2308 §2: there is no such name, or no such data; §5: for how long that holds. */
  #takeNegative(): boolean {
    this.isNodata = this.rcode === Rcode.NOERROR
    const soa = this.#findSoa()
    if (soa === NONE) {
      // RFC 2308 §5: what does not say for how long it holds is for those alone who wait for it.
      this.body.ttl = 0
      return !this.#isReferral()
    }
    const ttl = Math.min(this.#records.ttlOf(soa), this.#soaMinimum(soa), this.ttls.maxNegativeTtl)
    this.#zone.read(this.#target.bytes, 0, this.#target.length, this.#records.seed)
    this.body.take(soa, ttl, Section.authority)
    if (!this.#isDnssecOk) return true
    this.#takeNegativeProofs(ttl)
    return true
  }

  #takeNegativeProofs(mostTtl: number): void {
    const records = this.#records
    const zone = this.#zone
    for (let i = 0; i < records.count; i++) {
      if (records.sections[i] !== Section.authority || records.classes[i] !== CLASS_IN) continue
      const isSignature = records.types[i] === DnssecType.RRSIG
      const type = isSignature ? records.coveredType(i) : records.types[i]!
      const isProof = type === DnssecType.NSEC || type === DnssecType.NSEC3 || (isSignature && type === Type.SOA)
      if (!isProof || !records.ownerOf(i).isAtOrBelow(zone, 0)) continue
      this.body.take(i, Math.min(mostTtl, this.#clampedTtl(i)), Section.authority)
    }
  }

  /** The SOA of the zone in which the chain ends; its owner is left in `#target`. */
  #findSoa(): number {
    const records = this.#records
    for (let i = 0; i < records.count; i++) {
      if (records.types[i] !== Type.SOA || records.sections[i] !== Section.authority) continue
      if (records.classes[i] !== CLASS_IN || records.rdataLengths[i]! < SOA_MINIMUM_SIZE) continue
      const owner = records.ownerOf(i)
      if (!this.#effective.isAtOrBelow(owner, 0)) continue
      this.#target.read(owner.bytes, 0, owner.length, records.seed)
      return i
    }
    return NONE
  }

  /** RFC 2308 §2.2: name servers, and no SOA, from a server that does not have the zone: it tells of others, and does not ask them. */
  #isReferral(): boolean {
    const records = this.#records
    if (this.rcode !== Rcode.NOERROR || this.body.answerCount > 0 || (this.#header.flags & (FLAG_AA | FLAG_RA)) !== 0) {
      return false
    }
    for (let i = 0; i < records.count; i++) {
      if (records.types[i] === Type.NS && records.sections[i] === Section.authority) return true
    }
    return false
  }

  #soaMinimum(soa: number): number {
    const records = this.#records
    const at = records.rdataStarts[soa]! + records.rdataLengths[soa]! - SOA_MINIMUM_SIZE
    const bytes = records.message
    return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
  }

  #clampedTtl(i: number): number {
    const { minTtl, maxTtl } = this.ttls
    return Math.min(Math.max(this.#records.ttlOf(i), minTtl), maxTtl)
  }
}

/** Whether a name may be below one with this hash. */
function hasSuffixHash({ suffixHashes, labelCount }: FoldedName, hash: number): boolean {
  for (let label = 1; label <= labelCount; label++) if (suffixHashes[label] === hash) return true
  return false
}

/** How a chain ends: at the RRset that was asked for, before it, or in a way that no reply may have. */
const FOUND = 0
const MISSING = 1
const BROKEN = -1
