import { MAX_NAME_LENGTH } from '../constants.js'
import { nameLength, nameToText, writeNameFromText } from '../name.js'
import { getU16, getU32, putU16, putU32 } from './big-endian.js'
import { fieldsOf, u16, u32 } from './data-fields.js'
import type { RdataCodec } from './rdata-codec.js'
import type { MxData, SoaData, SrvData } from './record-data.js'

// Data that is a name, or numbers and names. No name in rdata is compressed: that is for those who write messages.

/** CNAME, NS, PTR. */
export const nameCodec: RdataCodec = {
  encode: (data, target, at) => writeNameFromText(data as string, target, at),
  decode: (bytes, start) => nameToText(bytes, start),
}

export const mxCodec: RdataCodec = {
  encode(data, target, at) {
    const { preference, exchange } = fieldsOf<MxData>('MX', data, ['preference', 'exchange'])
    putU16(target, at, u16('preference', preference))
    return 2 + writeNameFromText(exchange, target, at + 2)
  },
  decode: (bytes, start) => ({ preference: getU16(bytes, start), exchange: nameToText(bytes, start + 2) }),
}

export const SOA_NUMBERS = ['serial', 'refresh', 'retry', 'expire', 'minimum'] as const

export const soaCodec: RdataCodec = {
  encode(data, target, at) {
    const given = fieldsOf<SoaData>('SOA', data, ['mname', 'rname', ...SOA_NUMBERS])
    let position = at + writeNameFromText(given.mname, target, at)
    position += writeNameFromText(given.rname, target, position)
    for (const field of SOA_NUMBERS) {
      putU32(target, position, u32(field, given[field]))
      position += 4
    }
    return position - at
  },
  decode(bytes, start) {
    const rnameAt = start + nameLength(bytes, start, start + MAX_NAME_LENGTH)
    const numbersAt = rnameAt + nameLength(bytes, rnameAt, rnameAt + MAX_NAME_LENGTH)
    const number = (index: number) => getU32(bytes, numbersAt + 4 * index)
    return {
      mname: nameToText(bytes, start),
      rname: nameToText(bytes, rnameAt),
      serial: number(0),
      refresh: number(1),
      retry: number(2),
      expire: number(3),
      minimum: number(4),
    }
  },
}

export const srvCodec: RdataCodec = {
  encode(data, target, at) {
    const given = fieldsOf<SrvData>('SRV', data, ['priority', 'weight', 'port', 'target'])
    putU16(target, at, u16('priority', given.priority))
    putU16(target, at + 2, u16('weight', given.weight))
    putU16(target, at + 4, u16('port', given.port))
    return 6 + writeNameFromText(given.target, target, at + 6)
  },
  decode: (bytes, start) => ({
    priority: getU16(bytes, start),
    weight: getU16(bytes, start + 2),
    port: getU16(bytes, start + 4),
    target: nameToText(bytes, start + 6),
  }),
}
