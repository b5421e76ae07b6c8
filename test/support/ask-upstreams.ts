import { systemClock } from '../../lib/clock.js'
import type { ContainerDnsError } from '../../lib/errors.js'
import { type ForwardOptions, type ForwardZoneOptions, parseForward } from '../../lib/forward/options.js'
import type { UpstreamFailure } from '../../lib/forward/upstream/upstream-result.js'
import { type UpstreamNeeds, Upstreams } from '../../lib/forward/upstream/upstreams.js'
import { silentLogger } from '../../lib/log.js'
import { nameFromText } from '../../lib/wire/name.js'
import { typeNumber } from './build-query.js'

/** A reply that can be kept. */
export interface KeptReply {
  readonly kind: 'reply'
  readonly message: Buffer
  readonly rcode: number
  readonly upstream: string
}

export interface AskedUpstreams extends AsyncDisposable {
  readonly upstreams: Upstreams
  readonly errors: ContainerDnsError[]
  ask(
    name: string,
    parts?: { type?: string; isDnssecOk?: boolean; isCheckingDisabled?: boolean; zone?: number },
  ): Promise<KeptReply | UpstreamFailure>
}

/** `Upstreams` as the forward thread has them, closed at the end of a test. */
export function openUpstreams(
  forward: ForwardOptions | undefined,
  { zones, ...needs }: Partial<UpstreamNeeds> & { zones?: ForwardZoneOptions[] } = {},
): AskedUpstreams {
  const errors: ContainerDnsError[] = []
  const upstreams = new Upstreams(parseForward(forward, zones, 30)!, {
    ...{ clock: systemClock, logger: silentLogger, transport: 'auto', onError: (error) => errors.push(error) },
    ...needs,
  })
  return {
    ...{ upstreams, errors },
    ask: (name, { type = 'A', isDnssecOk = false, isCheckingDisabled = false, zone } = {}) =>
      new Promise((resolve) => {
        const flags = { isDnssecOk, isCheckingDisabled, ...(zone === undefined ? {} : { zone }) }
        const wire = nameFromText(name)
        const question = { name: wire, nameLength: wire.length, type: typeNumber(type), class: 1, ...flags }
        upstreams.ask(question, (result) => {
          if (result.kind === 'failed') return resolve(result)
          const { kind, message, length, rcode, upstream } = result
          resolve({ kind, rcode, upstream, message: Buffer.from(message.subarray(0, length)) })
        })
      }),
    [Symbol.asyncDispose]: () => upstreams.close(),
  }
}
