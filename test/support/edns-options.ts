import { decode } from 'dns-packet'

/** The options of a response's OPT record, by code; an empty map without one. */
export function optionsOf(response: Uint8Array): Map<number, Uint8Array> {
  const opt = decode(Buffer.from(response)).additionals?.find((record) => record.type === 'OPT')
  if (opt === undefined) return new Map()
  const { options } = opt as unknown as { options: readonly { code: number; data: Uint8Array }[] }
  return new Map(options.map(({ code, data }) => [code, new Uint8Array(data)]))
}
