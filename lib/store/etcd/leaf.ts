import { foldByte } from '../../wire/name.js'
import { NO_NAME, nameStart, namesEnd } from '../../wire/rdata/rdata-layout.js'
import { kindOf } from './leaf-path.js'

/** What one key of etcd says of one owner. */
export interface Leaf {
  /**
   * Where the key stands: below the owner's own key, without the slash at its end (`1f0c24bd`, `mail/1f0c24bd`; empty for the
   * owner's own key). A key that this does not give back exactly (in capitals, without its last slash, or elsewhere) is
   * written out in full behind the prefix, with a slash before it. Other kinds of leaves have paths of their own: see leaf-path.ts.
   */
  readonly path: string
  readonly type: number
  /** Seconds, or NO_TTL. */
  readonly ttl: number
  readonly modRevision: number
  /**
   * In bytes of its own, never in shared memory. Of a whole RRset: what `wholeRdata` says. Of a service: what service-leaf.ts says.
   */
  readonly rdata: Uint8Array
  /** Who may change it; of a whole RRset, its rdata say so. Left out: nobody in particular. */
  readonly user?: string
}

/** A leaf that says nothing of a TTL has the server's default, whatever that is when it is published. */
export const NO_TTL = 0xffffffff

/** The case of names in rdata aside: of leaves that share a record, only the first one's is kept. */
export function sameLeaf(a: Leaf, b: Leaf): boolean {
  return (
    a.path === b.path &&
    a.type === b.type &&
    a.ttl === b.ttl &&
    a.modRevision === b.modRevision &&
    a.user === b.user &&
    (Buffer.compare(a.rdata, b.rdata) === 0 ||
      (kindOf(a.path) !== 'rrset' && rdataKey(a.type, a.rdata) === rdataKey(b.type, b.rdata)))
  )
}

/** Equal for two rdatas of a type that mean the same: names in them have no case (RFC 4034 §6.2). */
export function rdataKey(type: number, rdata: Uint8Array): string {
  const nameAt = nameStart(type, rdata, 0, rdata.length)
  const foldTo = nameAt === NO_NAME ? NO_NAME : namesEnd(type, rdata, nameAt, rdata.length)
  let key = ''
  for (let i = 0; i < rdata.length; i++) {
    key += String.fromCharCode(i >= nameAt && i < foldTo ? foldByte(rdata[i]!) : rdata[i]!)
  }
  return key
}
