import { randomInt } from 'node:crypto'
import { CidrTable } from '../clients/cidr-table.js'
import { FastRandom } from '../fast-random.js'
import { ServerCookies } from '../limits/server-cookies.js'
import type { RecordIndexReader } from '../record-index/record-index-reader.js'
import { type ClientPolicy, ClientRules } from './client-rules.js'
import { Identity, type IdentityTexts } from './identity.js'
import type { AllUnhealthy, CookieMode } from './options.js'
import type { AddressHealth, OwnAddresses, QuerySettings } from './query-context.js'
import { type ParsedZone, Zone, ZoneTable } from './zone.js'

/** How queries are answered. A plain object: it is posted to each thread. */
export interface AnswerPolicy extends ClientPolicy {
  readonly zones: readonly ParsedZone[]
  /** As what the queries for each zone are counted; default: in their order. */
  readonly zoneNumbers?: readonly number[]
  readonly udpPayloadSize: number
  readonly negativeTtl: number
  readonly ownAddresses: OwnAddresses
  readonly normalizesSrvWeights: boolean
  readonly identity: IdentityTexts
  readonly nsid: Uint8Array
  readonly cookies: CookieMode
  readonly cookieSecrets: SharedArrayBuffer
  readonly keepaliveTimeout: number
  readonly allUnhealthy: AllUnhealthy
  /** The data of a `CidrTable`; undefined where nobody is believed. */
  readonly subnetSources: Int32Array | undefined
}

/** What one thread answers by. `wallMs` are the milliseconds since 1970: cookies are dated with them, and limits kept by them. */
export function openSettings(
  index: RecordIndexReader,
  health: AddressHealth,
  policy: AnswerPolicy,
  wallMs = Date.now,
): QuerySettings {
  const {
    udpPayloadSize,
    negativeTtl,
    ownAddresses,
    normalizesSrvWeights,
    nsid,
    keepaliveTimeout,
    allUnhealthy,
    subnetSources,
  } = policy
  const zones = policy.zones.map(({ name, selection }) => new Zone(name, negativeTtl, selection))
  return {
    index,
    health,
    zones: new ZoneTable(zones, index.seed, policy.zoneNumbers),
    udpPayloadSize,
    negativeTtl,
    ownAddresses,
    normalizesSrvWeights,
    identity: new Identity(policy.identity),
    nsid,
    cookies:
      policy.cookies === 'off' ? undefined : new ServerCookies(policy.cookieSecrets, () => Math.floor(wallMs() / 1000)),
    requiresCookie: policy.cookies === 'require',
    clientRules: new ClientRules(policy, wallMs, new FastRandom(randomInt(1, 2 ** 31))),
    keepaliveTimeout,
    allUnhealthy,
    subnetSources: subnetSources && new CidrTable(subnetSources),
  }
}
