import { MIN_UDP_PAYLOAD } from '../../wire/constants.js'
import { EdnsRequest } from '../../wire/edns.js'
import { FLAG_RD, Header } from '../../wire/header.js'
import { nameToText } from '../../wire/name.js'
import { Question } from '../../wire/question.js'
import { type RecordType, typeName } from '../../wire/rdata/record-type.js'
import { WireReader } from '../../wire/reader.js'

/** How a query has come. */
export type UpstreamProtocol = 'udp' | 'tcp' | 'tls'

/** A query as the upstream has got it. */
export interface UpstreamQuery {
  /** As it is spelled in the query, without the last dot. */
  readonly name: string
  /** `A`, `TXT`, …; `TYPE255` for a type that no record can have. */
  readonly type: RecordType
  readonly class: number
  readonly id: number
  readonly isRecursionDesired: boolean
  readonly isCheckingDisabled: boolean
  /** undefined without an OPT record. */
  readonly edns: { readonly version: number; readonly payloadSize: number; readonly isDnssecOk: boolean } | undefined
  readonly protocol: UpstreamProtocol
  /** Whose socket it came from. */
  readonly address: string
  readonly port: number
  /** Milliseconds of `performance.now()`. */
  readonly receivedAt: number
  /** The whole message. */
  readonly bytes: Uint8Array
}

/** Where a query has come from. */
export type UpstreamSource = Pick<UpstreamQuery, 'protocol' | 'address' | 'port'>

/** The query in a message; undefined when it is none with one question. */
export function readUpstreamQuery(bytes: Uint8Array, source: UpstreamSource): UpstreamQuery | undefined {
  const [reader, header, question, edns] = [new WireReader(bytes), new Header(), new Question(), new EdnsRequest()]
  if (!header.read(reader) || header.isResponse || header.questionCount !== 1) return undefined
  const nameAt = reader.position
  if (!question.read(reader, 0) || !edns.read(reader, header)) return undefined
  const { version, payloadSize, dnssecOk: isDnssecOk } = edns
  return {
    ...source,
    name: nameToText(bytes, nameAt),
    type: nameOfType(question.type),
    class: question.class,
    id: header.id,
    isRecursionDesired: (header.flags & FLAG_RD) !== 0,
    isCheckingDisabled: (header.flags & FLAG_CD) !== 0,
    edns: edns.present ? { version, payloadSize, isDnssecOk } : undefined,
    receivedAt: performance.now(),
    bytes,
  }
}

/** What the client takes over UDP. */
export function udpLimitOf({ edns }: UpstreamQuery): number {
  return edns?.payloadSize ?? MIN_UDP_PAYLOAD
}

/** RFC 4035 §3.2.2. */
const FLAG_CD = 0x0010

function nameOfType(code: number): RecordType {
  try {
    return typeName(code)
  } catch {
    return `TYPE${code}`
  }
}
