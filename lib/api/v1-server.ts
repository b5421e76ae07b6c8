import { addressFromText, addressToText } from '../clients/client-address.js'
import { ContainerDnsError } from '../errors.js'
import type { AddressHealth, Health, HealthState } from '../health/health.js'
import type { PastHealthChange } from '../health/health-history.js'
import { canonicalName } from './access.js'
import type { Audit } from './audit.js'
import { type Call, ok, type Route } from './route.js'
import {
  ADDRESS_HEALTH,
  HEALTH_CHANGE,
  HEALTH_STATE,
  KNOWN_HEALTH,
  listOf,
  NAME,
  objectOf,
  PROBLEMS,
  plainText,
} from './schemas.js'
import type { Source } from './source.js'

export interface ServerRoutesOptions {
  readonly source: Source
  readonly audit: Audit
  /** False as soon as whoever runs the API is about to stop. */
  readonly isOpen: () => boolean
  /** The text for Prometheus; undefined where nobody makes one. */
  readonly metrics: (() => string | Promise<string>) | undefined
}

/** Health of addresses, cache, figures and probes. */
export function serverRoutes(options: ServerRoutesOptions): Route[] {
  return [...healthRoutes(options), ...figureRoutes(options), ...probeRoutes(options)]
}

function healthRoutes({ source, audit }: ServerRoutesOptions): Route[] {
  const tags = ['health']
  const address = { type: 'string', maxLength: 45 }
  const params = objectOf({ address })
  return [
    {
      ...{ method: 'GET', path: '/v1/health', access: 'read' },
      schema: {
        ...{ summary: 'Addresses that are known to be healthy or unhealthy', tags },
        response: { 200: objectOf({ addresses: listOf(KNOWN_HEALTH) }, ['addresses']), ...PROBLEMS },
      },
      handle: () => ok({ addresses: Array.from(source.health.status(), (each) => knownHealth(each, source.health)) }),
    },
    {
      ...{ method: 'GET', path: '/v1/health/:address', access: 'read' },
      schema: { summary: 'The health of an address', tags, params, response: { 200: KNOWN_HEALTH, ...PROBLEMS } },
      handle: ({ params }) => {
        const address = canonicalAddress(params['address']!)
        return ok(knownHealth({ address, state: source.health.status(address) }, source.health))
      },
    },
    {
      ...{ method: 'GET', path: '/v1/health/:address/history', access: 'read' },
      schema: {
        ...{ summary: 'The latest changes of the health of an address, the last one at the end', tags, params },
        response: { 200: objectOf({ address, changes: listOf(HEALTH_CHANGE) }, ['address', 'changes']), ...PROBLEMS },
      },
      handle: ({ params }) => {
        const address = canonicalAddress(params['address']!)
        return ok({ address, changes: source.health.history(address).map(changeBody) })
      },
    },
    {
      ...{ method: 'PUT', path: '/v1/health/:address', access: 'health' },
      schema: {
        ...{ summary: 'Says whether an address is healthy', tags, params },
        description: 'With etcd, all servers hear of it, and a scanner may say something else later.',
        body: objectOf({ state: HEALTH_STATE }, ['state']),
        response: { 200: ADDRESS_HEALTH, ...PROBLEMS },
      },
      handle: async (call) => {
        const address = canonicalAddress(call.params['address']!)
        const { state } = call.body as { state: HealthState }
        if (source.store.setHealth === undefined) source.health.set(address, state)
        else await source.store.setHealth(address, state)
        audit.record({ ...whoAndWhen(call), action: 'health', name: address, after: state })
        return ok({ address, state })
      },
    },
  ]
}

/** Since when it is so, and who has said it why. */
function knownHealth(known: AddressHealth, health: Health): object {
  const last = health.history(known.address).at(-1)
  if (last?.state !== known.state) return known
  const { at, source, reason } = last
  return { ...known, since: new Date(at).toISOString(), source, ...(reason === undefined ? {} : { reason }) }
}

function changeBody({ at, state, previous, source, reason }: PastHealthChange): object {
  const why = reason === undefined ? {} : { reason }
  return { at: new Date(at).toISOString(), state, previous, source, ...why }
}

function figureRoutes({ source, audit, metrics }: ServerRoutesOptions): Route[] {
  const tags = ['server']
  return [
    {
      ...{ method: 'DELETE', path: '/v1/cache', access: 'cache' },
      schema: {
        ...{ summary: 'Forgets what upstreams have answered, of a name or of all', tags },
        querystring: objectOf({ name: NAME }),
        response: { 200: objectOf({ flushed: { type: 'integer' } }, ['flushed']), ...PROBLEMS },
      },
      handle: async (call) => {
        if (source.cache === undefined) throw notHere('a cache of answers')
        const given = call.query['name'] as string | undefined
        const name = given === undefined ? undefined : canonicalName(given)
        const flushed = await source.cache.flush(name)
        audit.record({ ...whoAndWhen(call), action: 'flush', ...(name === undefined ? {} : { name }) })
        return ok({ flushed })
      },
    },
    {
      ...{ method: 'GET', path: '/v1/stats', access: 'stats' },
      schema: {
        ...{ summary: 'What the server is and has done; without a server, what its store is', tags },
        response: { 200: { type: 'object', required: ['ready', 'store'] }, ...PROBLEMS },
      },
      handle: () => ok(statsOf(source)),
    },
    {
      ...{ method: 'GET', path: '/v1/top', access: 'stats' },
      schema: {
        ...{ summary: 'The names that are asked for most', tags },
        querystring: objectOf({ limit: { type: 'integer', minimum: 1, maximum: 1000, default: 100 } }),
        response: { 200: objectOf({ names: listOf({ type: 'object' }) }, ['names']), ...PROBLEMS },
      },
      handle: ({ query }) => {
        if (source.topNames === undefined) throw notHere('a count of names')
        return ok({ names: source.topNames((query['limit'] as number | undefined) ?? 100) })
      },
    },
    {
      ...{ method: 'GET', path: '/metrics', access: 'stats' },
      schema: {
        ...{ summary: 'All figures as text for Prometheus', tags },
        response: { 200: plainText('The exposition format 0.0.4'), ...PROBLEMS },
      },
      handle: async () => {
        if (metrics === undefined) throw notHere('metrics')
        return ok(await metrics(), { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' })
      },
    },
  ]
}

function probeRoutes({ source, isOpen }: ServerRoutesOptions): Route[] {
  const tags = ['probes']
  const ready = objectOf({ ready: { type: 'boolean' } }, ['ready'])
  return [
    {
      ...{ method: 'GET', path: '/health', access: 'open' },
      schema: {
        summary: 'Whether the process is alive',
        tags,
        response: { 200: objectOf({ alive: { const: true } }) },
      },
      handle: () => ok({ alive: true }),
    },
    {
      ...{ method: 'GET', path: '/ready', access: 'open' },
      schema: {
        ...{ summary: 'Whether queries and changes should be sent here', tags },
        response: { 200: ready, 503: ready },
      },
      handle: () => {
        const isReady = isOpen() && source.ready
        return { status: isReady ? 200 : 503, body: { ready: isReady } }
      },
    },
  ]
}

export function statsOf(source: Source): Record<string, unknown> {
  if (source.stats !== undefined) return { ...source.stats() }
  return { ready: source.ready, store: { kind: source.store.kind, ...source.store.status() } }
}

export function whoAndWhen({ principal, client }: Pick<Call, 'principal' | 'client'>) {
  return {
    at: new Date().toISOString(),
    client,
    ...(principal.name === undefined ? {} : { principal: principal.name }),
  }
}

export function notHere(what: string): ContainerDnsError {
  return new ContainerDnsError('CDNS_NOT_SERVED_HERE', `this process has no ${what}`)
}

/** Throws CDNS_ADDRESS_INVALID. */
function canonicalAddress(text: string): string {
  const bytes = addressFromText(text)
  if (bytes !== undefined) return addressToText(bytes)
  throw new ContainerDnsError('CDNS_ADDRESS_INVALID', `${JSON.stringify(text)} is no IPv4 or IPv6 address`)
}
