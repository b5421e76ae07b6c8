import { clientFromText } from '../../../lib/clients/client-address.js'
import { FastRandom } from '../../../lib/fast-random.js'
import { createRateLimits } from '../../../lib/limits/create-rate-limits.js'
import { parseRateLimitOptions } from '../../../lib/limits/rate-limit-options.js'
import { RateLimits, ResponseClass } from '../../../lib/limits/rate-limits.js'
import { report } from './measure.js'

/** Keeping limits, one thread alone, time going on as it does at 100 000 queries a second. */

const CLIENTS = 1 << 16
const words = new Int32Array(4 * CLIENTS)
for (let i = 0; i < CLIENTS; i++) words.set(clientFromText(`10.${i & 255}.${i >> 8}.7`)!, 4 * i)
const few = (i: number) => 4 * (i & 31)
const many = (i: number) => 4 * (i & (CLIENTS - 1))
const ms = (i: number) => (i / 100) | 0
const limits = (perSecond: number) =>
  new RateLimits(
    createRateLimits(parseRateLimitOptions({ responsesPerSecond: perSecond, queriesPerSecond: perSecond }), 99)!,
    new FastRandom(1),
  )

const wide = limits(100_000)
const narrow = limits(300)
report('query, 32 clients, below the limit', (i) => Number(wide.admitsQuery(words, few(i), ms(i))))
report('query, 65 536 clients, below the limit', (i) => Number(narrow.admitsQuery(words, many(i), ms(i))))
report('query, 32 clients, ten times over the limit', (i) => Number(narrow.admitsQuery(words, few(i), ms(i))))
report('response, 65 536 networks, below the limit', (i) =>
  narrow.judgeResponse(words, many(i), ResponseClass.answer, i & 3, ms(i)) === 'send' ? 1 : 0,
)
const tight = limits(1)
const unlimited = new RateLimits(
  createRateLimits(parseRateLimitOptions({ forwardedPerSecond: 1 }), 99)!,
  new FastRandom(1),
)
report('response, one network, all over the limit', (i) =>
  tight.judgeResponse(words, 0, ResponseClass.answer, 1, ms(i)) === 'send' ? 1 : 0,
)
report('query, no limit of that kind', (i) => Number(unlimited.admitsQuery(words, many(i), ms(i))))
