import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FrameReader, Verdict } from '../../../lib/transport/xdp/frame-reader.js'
import { FrameWriter } from '../../../lib/transport/xdp/frame-writer.js'
import { buildFrame, type FrameParts, onesComplementSum } from './raw-frames.js'

const SERVER_MAC = Uint8Array.of(2, 0, 0, 0, 0, 1)
const CLIENT_MAC = Uint8Array.of(2, 0, 0, 0, 0, 2)
/** Where frames begin in these tests. */
const AT = 256
const ANSWER_AT = 4098

const QUERY: FrameParts = {
  destinationMac: SERVER_MAC,
  sourceMac: CLIENT_MAC,
  source: '192.0.2.2',
  destination: '192.0.2.1',
  sourcePort: 40_000,
  destinationPort: 53,
  payload: Buffer.from('what is it'),
}
const QUERY_IPV6: FrameParts = { ...QUERY, source: '2001:db8::2', destination: '2001:db8::1' }

const parts: fc.Arbitrary<FrameParts> = fc
  .record({
    base: fc.constantFrom(QUERY, QUERY_IPV6),
    vlans: fc.array(fc.integer({ min: 0, max: 0xfff }), { maxLength: 2 }),
    sourcePort: fc.integer({ min: 1, max: 0xffff }),
    payload: fc.uint8Array({ maxLength: 1400 }),
    checksum: fc.constantFrom('good', 'partial' as const),
    padding: fc.integer({ min: 0, max: 40 }),
  })
  .map(({ base, ...rest }) => ({ ...base, ...rest }) as FrameParts)

/** Reads a frame in memory that holds other bytes around it. */
function read(frame: Uint8Array): { verdict: Verdict; reader: FrameReader; memory: Uint8Array; view: DataView } {
  const memory = new Uint8Array(8192).fill(0xa5)
  memory.set(frame, AT)
  const view = new DataView(memory.buffer)
  const reader = new FrameReader(view)
  return { verdict: reader.read(AT, frame.length), reader, memory, view }
}

describe('reading a frame', () => {
  it('finds the datagram in every frame that is right', () => {
    fc.assert(
      fc.property(parts, (given) => {
        const { verdict, reader, memory } = read(buildFrame(given))
        expect(verdict).toBe(Verdict.datagram)
        const found = memory.subarray(reader.payload, reader.payload + reader.payloadLength)
        expect(Buffer.compare(found, given.payload)).toBe(0)
        expect(reader.isIpv6).toBe(given.destination.includes(':'))
      }),
    )
  })

  it('takes no frame in which a bit has been changed behind the Ethernet header and before the padding', () => {
    fc.assert(
      fc.property(parts, fc.nat(), (given, place) => {
        const exact = { ...given, checksum: 'good', padding: 0 } as const
        const frame = buildFrame(exact)
        const header = 14 + 4 * given.vlans!.length
        const isV6 = given.destination.includes(':')
        // Of IPv6, class, flow and hop limit are in no checksum and do not matter to us.
        const from = header + (isV6 ? 8 : 0)
        const bit = place % (8 * (frame.length - from))
        frame[from + (bit >>> 3)]! ^= 1 << (bit & 7)
        // One checksum in 65 536 becomes, by one bit, what means that there is none or that it is to be completed.
        const udp = header + (isV6 ? 40 : 20)
        const checksum = frame.readUInt16BE(udp + 6)
        const addresses = frame.subarray(header + (isV6 ? 8 : 12), udp)
        const pseudo = [...addresses, 0, 17, ...frame.subarray(udp + 4, udp + 6)]
        fc.pre(checksum !== 0 && checksum !== onesComplementSum(Uint8Array.from(pseudo)))
        expect(read(frame).verdict).not.toBe(Verdict.datagram)
      }),
      { numRuns: 1000 },
    )
  })

  it('reads nothing outside of any bytes that come as a frame', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), parts, fc.nat(), fc.boolean(), (noise, given, cut, isNoise) => {
        const whole = buildFrame(given)
        const frame = isNoise ? noise : whole.subarray(0, cut % whole.length)
        const { verdict, reader } = read(frame)
        if (verdict !== Verdict.datagram) return
        expect(reader.payload + reader.payloadLength).toBeLessThanOrEqual(AT + frame.length)
      }),
    )
  })

  it.each([
    ['no checksum over IPv4', { ...QUERY, checksum: 'none' }, Verdict.datagram],
    ['no checksum over IPv6', { ...QUERY_IPV6, checksum: 'none' }, Verdict.badChecksum],
    ['a wrong checksum over IPv4', { ...QUERY, checksum: 'bad' }, Verdict.badChecksum],
    ['a wrong checksum over IPv6', { ...QUERY_IPV6, checksum: 'bad' }, Verdict.badChecksum],
    ['three tags', { ...QUERY, vlans: [1, 2, 3] }, Verdict.malformed],
    ['source port 0', { ...QUERY, sourcePort: 0 }, Verdict.unanswerable],
    ['a source that is a multicast address', { ...QUERY, source: '224.0.0.1' }, Verdict.unanswerable],
    ['a source of 0.0.0.0', { ...QUERY, source: '0.0.0.0' }, Verdict.unanswerable],
    ['a source on loopback', { ...QUERY, source: '127.0.0.1' }, Verdict.unanswerable],
    ['a source of ::', { ...QUERY_IPV6, source: '::' }, Verdict.unanswerable],
    ['a source of ::1', { ...QUERY_IPV6, source: '::1' }, Verdict.unanswerable],
    ['a source of many, over IPv6', { ...QUERY_IPV6, source: 'ff02::1' }, Verdict.unanswerable],
    ['a sender of many', { ...QUERY, sourceMac: Uint8Array.of(3, 0, 0, 0, 0, 2) }, Verdict.unanswerable],
  ] as const)('says of %s what it is', (_, given, verdict) => {
    expect(read(buildFrame(given as FrameParts)).verdict).toBe(verdict)
  })
})

describe('writing a response', () => {
  it('makes the frame that the client would have made of it the other way round', () => {
    fc.assert(
      fc.property(parts, fc.uint8Array({ maxLength: 1400 }), (given, payload) => {
        const { reader, memory, view } = read(buildFrame(given))
        memory.set(payload, ANSWER_AT + reader.payload - AT)
        const { network, isIpv6 } = reader
        const length = new FrameWriter(view, new Int32Array(memory.buffer)).write(
          AT,
          network,
          isIpv6,
          ANSWER_AT,
          payload.length,
        )
        const written = memory.subarray(ANSWER_AT, ANSWER_AT + length)
        const expected = buildFrame({
          ...{ destinationMac: given.sourceMac, sourceMac: given.destinationMac, vlans: given.vlans! },
          ...{ source: given.destination, destination: given.source, payload },
          ...{ sourcePort: given.destinationPort, destinationPort: given.sourcePort },
        })
        const ip = network - AT
        if (!isIpv6) {
          expect(onesComplementSum(written.subarray(ip, ip + 20))).toBe(0xffff)
          // Ours has no number and says that it must not be cut up.
          expected.writeUInt16BE(0, ip + 4)
          expected.writeUInt16BE(0x4000, ip + 6)
          expected.writeUInt16BE(0, ip + 10)
          expected.writeUInt16BE(~onesComplementSum(expected.subarray(ip, ip + 20)) & 0xffff, ip + 10)
        }
        expect(Buffer.from(written).toString('hex')).toBe(expected.toString('hex'))
      }),
    )
  })
})
