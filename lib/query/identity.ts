import { CLASS_CH, Rcode, Type } from '../wire/constants.js'
import { ExtendedError } from '../wire/edns.js'
import type { FoldedName } from '../wire/folded-name.js'
import { nameFromText } from '../wire/name.js'
import type { QueryContext } from './query-context.js'
import { QNAME_OFFSET } from './response-writer.js'

/** RFC 1035 §3.3: a string of a TXT record has 255 octets at most. */
export const MAX_IDENTITY_SIZE = 255

/** What a server says of itself to who asks in class CH (RFC 4892); undefined is not said. */
export interface IdentityTexts {
  readonly version: string | undefined
  readonly hostname: string | undefined
}

interface Entry {
  readonly name: Uint8Array
  readonly rdata: Uint8Array
}

/** The TXT records of class CH. One for each thread. */
export class Identity {
  readonly #entries: readonly Entry[]

  constructor({ version, hostname }: IdentityTexts) {
    this.#entries = [
      ...entries(['version.bind', 'version.server'], version),
      ...entries(['hostname.bind', 'id.server'], hostname),
    ]
  }

  /** The rdata of the TXT record of a name; undefined when there is none. */
  find(name: FoldedName): Uint8Array | undefined {
    for (const entry of this.#entries) if (isName(name, entry.name)) return entry.rdata
    return undefined
  }
}

/** Answers a question of class CH: with a TXT record, or not at all. */
export function answerIdentity(context: QueryContext): void {
  const { question, response, settings } = context
  const rdata = settings.identity.find(question.name)
  if (rdata === undefined || (question.type !== Type.TXT && question.type !== Type.ANY)) {
    context.rcode = Rcode.REFUSED
    context.extendedError = ExtendedError.NOT_SUPPORTED
    return
  }
  const before = response.position
  context.isAuthoritative = true
  response.pointer(QNAME_OFFSET)
  response.u16(Type.TXT)
  response.u16(CLASS_CH)
  // What it says is true of this server now, and no cache should say it for another.
  response.u32(0)
  response.rdata(Type.TXT, rdata, 0, rdata.length)
  if (response.failed) {
    response.undo(before)
    context.isTruncated = true
  } else response.answerCount = 1
}

function entries(names: readonly string[], text: string | undefined): Entry[] {
  if (text === undefined) return []
  const string = Buffer.from(text, 'utf8').subarray(0, MAX_IDENTITY_SIZE)
  const rdata = Uint8Array.of(string.length, ...string)
  return names.map((name) => ({ name: nameFromText(name), rdata }))
}

function isName(name: FoldedName, wanted: Uint8Array): boolean {
  if (name.length !== wanted.length) return false
  for (let i = 0; i < wanted.length; i++) if (name.bytes[i] !== wanted[i]) return false
  return true
}
