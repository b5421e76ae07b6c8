/**
 * The serial that follows `serial`: one more, or the seconds since 1970 if that is further on (RFC 1982 §3.2), so that it grows
 * with every change and over a restart too, as long as there were fewer changes than seconds.
 */
export function serialAfter(serial: number, wallMs: number): number {
  const next = (serial + 1) | 0
  const seconds = Math.floor(wallMs / 1000) | 0
  return (((seconds - next) | 0) > 0 ? seconds : next) >>> 0
}
