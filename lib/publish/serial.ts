/** The first serial of a server: the seconds since 1970, in 32 bits. That is after those it had before, as long as there were fewer changes than seconds. */
export function firstSerial(wallMs: number): number {
  return Math.floor(wallMs / 1000) >>> 0
}

/**
 * The serial that follows `serial`: one more, or the seconds since 1970 if that is further on (RFC 1982 §3.2), so that it grows
 * with every change and over a restart too.
 */
export function serialAfter(serial: number, wallMs: number): number {
  const seconds = firstSerial(wallMs)
  return ((seconds - serial) | 0) > 0 ? seconds : (serial + 1) >>> 0
}
