// Numbers and texts as the page writes them.

const WHOLE = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const SHORT = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 })

export function whole(value: number): string {
  return WHOLE.format(value)
}

/** `12.3K`, for where there is little room. */
export function short(value: number): string {
  return SHORT.format(value)
}

/** `3.2`, `320`, `32,000`: small ones with a digit more. */
export function perSecond(value: number | undefined): string {
  if (value === undefined) return '–'
  return value > 0 && value < 10 ? value.toFixed(1) : whole(value)
}

export function latency(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return '–'
  if (seconds < 0.001) return `${Math.round(seconds * 1e6)} µs`
  if (seconds < 1) return `${(seconds * 1000).toPrecision(3)} ms`
  return `${seconds.toPrecision(3)} s`
}

export function bytes(value: number): string {
  if (value < 1024) return `${value} B`
  const power = Math.min(Math.floor(Math.log2(value) / 10), 4)
  return `${(value / 1024 ** power).toPrecision(3)} ${['B', 'KiB', 'MiB', 'GiB', 'TiB'][power]}`
}

/** `3 s`, `5 min`, `2 h`, `4 d` */
export function timeSpan(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`
  return `${Math.round(seconds / 86_400)} d`
}

/** Controls, and what turns the direction of a line or has no width: anybody may put them into a TXT record, to make it look like another. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}]/gu

export function hasUnseen(text: string): boolean {
  return text.search(UNSEEN) !== -1
}

/** Text in which all can be seen that is there: `\u202e` for what would turn the line round. */
export function visibleText(text: string): string {
  return text.replace(UNSEEN, (character) =>
    Array.from(
      { length: character.length },
      (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`,
    ).join(''),
  )
}
