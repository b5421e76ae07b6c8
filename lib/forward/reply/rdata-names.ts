// Where the names stand in the rdata of types whose names a message may have compressed: those of RFC 1035, which we may compress
// again (RFC 3597 §4), and the others that the same section lists because old servers compressed them. The rdata of all other types
// goes through as it came.

/** A piece of rdata that is not so many octets. */
export const NAME = -1
export const STRING = -2
export const REST = -3

export interface RdataNames {
  readonly pieces: readonly number[]
  /** Whether its names may be compressed. */
  readonly isCompressible: boolean
}

const compressible = (...pieces: number[]): RdataNames => ({ pieces, isCompressible: true })
const plain = (...pieces: number[]): RdataNames => ({ pieces, isCompressible: false })

/** By type: | A | NS | MD | MF | CNAME | SOA | MB | MG | MR | PTR | MINFO | MX | RP | AFSDB | RT | SIG | PX | AAAA | NXT | SRV | NAPTR | KX | DNAME |. */
const TYPES = new Map<number, RdataNames>([
  [1, plain(4)],
  [2, compressible(NAME)],
  [3, compressible(NAME)],
  [4, compressible(NAME)],
  [5, compressible(NAME)],
  [6, compressible(NAME, NAME, 20)],
  [7, compressible(NAME)],
  [8, compressible(NAME)],
  [9, compressible(NAME)],
  [12, compressible(NAME)],
  [14, compressible(NAME, NAME)],
  [15, compressible(2, NAME)],
  [17, plain(NAME, NAME)],
  [18, plain(2, NAME)],
  [21, plain(2, NAME)],
  [24, plain(18, NAME, REST)],
  [26, plain(2, NAME, NAME)],
  [28, plain(16)],
  [30, plain(NAME, REST)],
  [33, plain(6, NAME)],
  [35, plain(4, STRING, STRING, STRING, NAME)],
  [36, plain(2, NAME)],
  [39, plain(NAME)],
])

/** Undefined for rdata that goes through as it came. */
export function rdataNames(type: number): RdataNames | undefined {
  return TYPES.get(type)
}
