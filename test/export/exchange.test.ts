import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DnstapMessages } from '../../lib/export/dnstap-message.js'
import { Exchange } from '../../lib/export/exchange.js'
import * as layout from '../../lib/export/exchange-layout.js'
import { QueryExporter } from '../../lib/export/exported-query.js'
import { buildQuery } from '../support/build-query.js'
import { readProtobuf } from '../support/read-protobuf.js'

interface Given {
  readonly address: Uint8Array
  readonly port: number
  readonly serverAddress: Uint8Array
  readonly serverPort: number
  readonly queryTimeMs: number
  readonly rcode: number
  readonly query: Uint8Array
  readonly response: Uint8Array
}

const USUAL: Given = {
  address: Uint8Array.of(192, 0, 2, 1),
  port: 5353,
  serverAddress: Uint8Array.of(192, 0, 2, 53),
  serverPort: 53,
  queryTimeMs: 1_700_000_000_123.25,
  rcode: 0,
  query: buildQuery('www.example', 'A'),
  response: new Uint8Array(0),
}

function exchangeOf(given: Partial<Given>): Exchange {
  const { address, port, serverAddress, serverPort, queryTimeMs, rcode, query, response } = { ...USUAL, ...given }
  const memory = new ArrayBuffer(8 * Math.ceil((layout.MESSAGES + query.length + response.length) / 8))
  const bytes = new Uint8Array(memory)
  bytes[layout.FLAGS] = layout.FOR_LOG
  bytes[layout.CLIENT_LENGTH] = address.length
  bytes.set(address, layout.CLIENT)
  bytes[layout.SERVER_LENGTH] = serverAddress.length
  bytes.set(serverAddress, layout.SERVER)
  const times = new Float64Array(memory)
  times[layout.QUERY_TIME / 8] = queryTimeMs
  times[layout.RESPONSE_TIME / 8] = queryTimeMs + 0.5
  const halves = new Uint16Array(memory)
  halves[layout.CLIENT_PORT / 2] = port
  halves[layout.SERVER_PORT / 2] = serverPort
  halves[layout.RCODE / 2] = rcode
  halves[layout.QUERY_LENGTH / 2] = query.length
  halves[layout.RESPONSE_LENGTH / 2] = response.length
  bytes.set(query, layout.MESSAGES)
  bytes.set(response, layout.MESSAGES + query.length)
  const exchange = new Exchange(bytes)
  exchange.reset(0)
  return exchange
}

/** A response of nothing but a header with these flags. */
const headerOf = (flags: number) => Uint8Array.of(0, 1, flags >>> 8, flags, 0, 0, 0, 0, 0, 0, 0, 0)

describe('an exchange', () => {
  it('is a message of dnstap that a decoder reads back, whatever is in it', () => {
    const messages = new DnstapMessages('id', 'v')
    const octets = fc.uint8Array({ maxLength: 600 })
    const address = fc.constantFrom(0, 4, 16).chain((size) => fc.uint8Array({ minLength: size, maxLength: size }))
    const given = fc.record({
      address,
      port: fc.nat(65_535),
      serverAddress: address,
      serverPort: fc.nat(65_535),
      queryTimeMs: fc.integer({ min: 0, max: 2 ** 43 }),
      query: octets,
      response: octets,
    })
    fc.assert(
      fc.property(given, (all) => {
        const { address, port, serverAddress, serverPort, queryTimeMs, query, response } = all
        const exchange = exchangeOf(all)
        const bytes = Buffer.alloc(messages.maxBytes(query.length) + messages.maxBytes(response.length))
        const middle = messages.writeQuery(exchange, bytes, 0)
        expect(middle).toBeLessThanOrEqual(messages.maxBytes(query.length))
        const end = messages.writeResponse(exchange, bytes, middle)
        expect(end - middle).toBeLessThanOrEqual(messages.maxBytes(response.length))
        const [asked, answered] = [bytes.subarray(0, middle), bytes.subarray(middle, end)].map((message) =>
          readProtobuf(readProtobuf(message).get(14)![0] as Buffer),
        )
        expect(asked!.get(4)?.[0]).toEqual(address.length === 0 ? undefined : Buffer.from(address))
        expect(asked!.get(6)?.[0]).toBe(port === 0 ? undefined : port)
        for (const message of [asked!, answered!]) {
          expect(message.get(5)?.[0]).toEqual(serverAddress.length === 0 ? undefined : Buffer.from(serverAddress))
          expect(message.get(7)?.[0]).toBe(serverPort === 0 ? undefined : serverPort)
        }
        expect(asked!.get(8)).toEqual([Math.floor(queryTimeMs / 1000)])
        expect(asked!.get(9)).toEqual([(queryTimeMs % 1000) * 1_000_000])
        expect(asked!.get(10)).toEqual([Buffer.from(query)])
        expect(answered!.get(14)).toEqual([Buffer.from(response)])
      }),
    )
  })

  it.each([
    ['of our own zone', 0x8400, 1, 2],
    ['that was refused', 0x8005, 1, 2],
    ['of an upstream', 0x8080, 5, 6],
  ])('%s has types of dnstap that say so', (_, flags, query, response) => {
    const messages = new DnstapMessages('id', 'v')
    const exchange = exchangeOf({ response: headerOf(flags) })
    const bytes = Buffer.alloc(4096)
    const typeOf = (end: number) => {
      const dnstap = readProtobuf(bytes.subarray(0, end))
      return readProtobuf(dnstap.get(14)![0] as Buffer).get(1)
    }
    expect(typeOf(messages.writeQuery(exchange, bytes, 0))).toEqual([query])
    expect(typeOf(messages.writeResponse(exchange, bytes, 0))).toEqual([response])
  })

  it('of an upstream says so in the log', () => {
    const exporter = new QueryExporter()
    expect(exporter.exported(exchangeOf({ response: headerOf(0x8080) }))).toMatchObject({ forwarded: true })
    expect(exporter.exported(exchangeOf({ response: headerOf(0x8400) }))).not.toHaveProperty('forwarded')
  })

  it('can be read into a line, whatever octets a client has sent', () => {
    const exporter = new QueryExporter()
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(65_535), (query, rcode) => {
        const read = exporter.exported(exchangeOf({ query, rcode, response: headerOf(0x8000) }))
        expect(JSON.parse(JSON.stringify(read))).toEqual(read)
        expect(read.queryBytes).toBe(query.length)
      }),
    )
  })
})
