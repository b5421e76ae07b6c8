import { createContainerDns, memoryStore } from 'containerdns'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkResponse, saysTheSame, wantsResponse } from './check-response.js'
import { datagram } from './datagrams.js'
import { fuzzSockets } from './fuzz-sockets.js'
import { answeringAlone, IDENTITY, NSID, RRSETS, UDP_PAYLOAD_SIZE, ZONES } from './fuzzed-server.js'

// Issue 4: the whole path from octets to octets. The soak `fuzz` does the same a million times.

const THROUGH_PIPELINE = 100_000
const THROUGH_EACH_TRANSPORT = 10_000
const TIMEOUT_MS = 120_000
/** Looked up by hash. Of a chain: nine names, each 126 labels of cuts, seven of wildcards and itself; of sixteen targets likewise. */
const MOST_LOOK_UPS = (9 + 16) * (126 + 7 + 2)

describe('any datagram', () => {
  it(
    `is answered by the rules and in bounded steps, ${THROUGH_PIPELINE} of them`,
    () => {
      const [one, other] = [answeringAlone(0xaa), answeringAlone(0x05)]
      let lookUps = 0
      const { reader } = one.index
      const find = reader.find.bind(reader)
      reader.find = (...given) => {
        lookUps++
        return find(...given)
      }
      const property = fc.property(datagram, (request) => {
        lookUps = 0
        const response = one.ask(request)
        expect(lookUps).toBeLessThanOrEqual(MOST_LOOK_UPS)
        if (!wantsResponse(request)) return response.length === 0
        checkResponse(request, response)
        return saysTheSame(response, other.ask(request))
      })
      fc.assert(property, { numRuns: THROUGH_PIPELINE })
    },
    TIMEOUT_MS,
  )

  it.each(['batch', 'dgram'] as const)(
    `is answered over %s as if none had come before, ${THROUGH_EACH_TRANSPORT} of them`,
    async (transport) => {
      const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() & 0x7fffffff)
      await using server = await createContainerDns({
        ...{ zones: ZONES, listen: { port: 0 }, workers: 1, transport, srvWeights: 'kept', identity: IDENTITY },
        edns: { udpPayloadSize: UDP_PAYLOAD_SIZE, nsid: NSID, cookies: 'off' },
        store: memoryStore({ rrsets: [...RRSETS] }),
      })
      let restarts = 0
      server.on('workerRestart', () => restarts++)
      const datagrams = fc.sample(datagram, { seed, numRuns: THROUGH_EACH_TRANSPORT })
      const answered = await fuzzSockets(server.addresses[0]!, answeringAlone(), datagrams).catch((cause) => {
        throw new Error(`FUZZ_SEED=${seed} sends the same again`, { cause })
      })
      expect(answered).toBe(datagrams.filter(wantsResponse).length)
      expect(restarts).toBe(0)
      expect((await server.query('a.example', 'A')).answer).toHaveLength(3)
    },
    TIMEOUT_MS,
  )
})
