/** Seconds, with the units that BIND has: `3600`, `1h30m`, `1W`. Undefined for what is none, however large. */
export function secondsFrom(text: string): number | undefined {
  if (/^\d+$/.test(text)) return Number(text)
  if (!/^(?:\d+[wdhms])+$/i.test(text)) return undefined
  let seconds = 0
  for (const [, number, unit] of text.matchAll(/(\d+)([a-z])/gi))
    seconds += Number(number) * SECONDS[unit!.toLowerCase()]!
  return seconds
}

const SECONDS: Readonly<Record<string, number>> = { w: 604_800, d: 86_400, h: 3600, m: 60, s: 1 }
