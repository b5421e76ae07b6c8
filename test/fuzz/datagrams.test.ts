import { createContainerDns, memoryStore } from 'containerdns'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Answering } from '../support/answering.js'
import { buildQuery } from '../support/build-query.js'
import { optionsOf } from '../support/edns-options.js'
import { checkResponse, saysTheSame, wantsResponse } from './check-response.js'
import { datagram, datagramWith } from './datagrams.js'
import { fuzzSockets } from './fuzz-sockets.js'
import { answeringAlone, FUZZED, fuzzedOptions, fuzzedRecords } from './fuzzed-server.js'

// The whole path from octets to octets. The soak `fuzz` does the same a million times.

const THROUGH_PIPELINE = 100_000
const THROUGH_EACH_TRANSPORT = 10_000
const TIMEOUT_MS = 120_000
/** Looked up by hash. A chain of eight links in what `fuzzed-server.ts` has takes 11, and twice that where it is written again for being too much. */
const MOST_LOOK_UPS = 40
const COOKIE = 10

/** Counts what a server looks up by hash, in whatever way. */
function countLookUps({ index: { reader } }: Answering): { count: number } {
  const lookUps = { count: 0 }
  const counted =
    <T extends unknown[]>(find: (...given: T) => boolean) =>
    (...given: T) => {
      lookUps.count++
      return find.apply(reader, given)
    }
  reader.find = counted(reader.find)
  reader.findFolded = counted(reader.findFolded)
  reader.findWords = counted(reader.findWords)
  return lookUps
}

describe.each(FUZZED)('any datagram to a server %s', (fuzzed) => {
  it(
    `is answered by the rules and in bounded steps, ${THROUGH_PIPELINE} of them`,
    () => {
      const [one, other] = [answeringAlone(0xaa, fuzzed), answeringAlone(0x05, fuzzed)]
      const lookUps = countLookUps(one)
      const hello = one.ask(buildQuery('example', 'SOA', { edns: { options: [[COOKIE, new Uint8Array(8)]] } }))
      const cookie = optionsOf(hello).get(COOKIE) ?? new Uint8Array(24)
      let most = 0
      const property = fc.property(
        fc.oneof({ weight: 4, arbitrary: datagram }, { weight: 1, arbitrary: datagramWith(COOKIE, cookie) }),
        (request) => {
          lookUps.count = 0
          const response = one.ask(request)
          most = Math.max(most, lookUps.count)
          expect(lookUps.count).toBeLessThanOrEqual(MOST_LOOK_UPS)
          if (!wantsResponse(request)) return response.length === 0
          checkResponse(request, response)
          return saysTheSame(response, other.ask(request))
        },
      )
      fc.assert(property, { numRuns: THROUGH_PIPELINE })
      // A chain of eight links was among them, and its steps were counted.
      expect(most).toBeGreaterThan(8)
    },
    TIMEOUT_MS,
  )

  it.each(['batch', 'dgram'] as const)(
    `is answered over %s as if none had come before, ${THROUGH_EACH_TRANSPORT} of them`,
    async (transport) => {
      const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() & 0x7fffffff)
      await using server = await createContainerDns({
        ...{ ...fuzzedOptions(fuzzed), workers: 1, transport },
        store: memoryStore({ rrsets: fuzzedRecords(fuzzed) }),
      })
      let restarts = 0
      server.on('workerRestart', () => restarts++)
      const datagrams = fc.sample(datagram, { seed, numRuns: THROUGH_EACH_TRANSPORT })
      const alone = answeringAlone(0xaa, fuzzed)
      const answered = await fuzzSockets(server.addresses[0]!, alone, datagrams).catch((cause) => {
        throw new Error(`FUZZ_SEED=${seed} sends the same again`, { cause })
      })
      expect(answered).toBe(datagrams.filter(wantsResponse).length)
      expect(restarts).toBe(0)
      expect((await server.query('a.example', 'MX')).answer).toHaveLength(1)
    },
    TIMEOUT_MS,
  )
})
