/** The fields of a message of Protocol Buffers by their numbers: whole numbers, and octets. For tests; written from the specification. */
export function readProtobuf(bytes: Buffer): Map<number, (number | Buffer)[]> {
  const fields = new Map<number, (number | Buffer)[]>()
  let at = 0
  const varint = () => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      if (at >= bytes.length || shift > 63n) throw new Error('a varint does not end')
      const octet = bytes[at++]!
      value |= BigInt(octet & 0x7f) << shift
      if (octet < 0x80) return Number(value)
    }
  }
  const take = (size: number) => {
    if (at + size > bytes.length) throw new Error('a field goes beyond the end')
    at += size
    return bytes.subarray(at - size, at)
  }
  const value = (kind: number) => {
    switch (kind) {
      case 0:
        return varint()
      case 1:
        return Number(take(8).readBigUInt64LE())
      case 2:
        return take(varint())
      case 5:
        return take(4).readUInt32LE()
      default:
        throw new Error(`a field of kind ${kind}`)
    }
  }
  while (at < bytes.length) {
    const key = varint()
    const number = Math.floor(key / 8)
    fields.set(number, [...(fields.get(number) ?? []), value(key % 8)])
  }
  return fields
}
