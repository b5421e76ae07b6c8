import { isDeepStrictEqual } from 'node:util'
import { refuseUnknownKeys } from './bounds.js'
import { type ContainerDnsError, DetailedError, detailsOf } from './errors.js'
import type { ParsedForward } from './forward/options.js'
import { type ContainerDnsOptions, OPTION_NAMES, type ParsedOptions, parseOptions } from './options.js'
import type { ListenAddress } from './transport/open-sockets.js'

/** Options that a running server takes. All others need a restart. */
export const RELOADABLE_NAMES = [
  'zones',
  'listen',
  'defaultTtl',
  'negativeTtl',
  'edns',
  'identity',
  'selection',
  'health',
  'srvWeights',
  'views',
  'rateLimit',
  'acl',
  'amplification',
  'forward',
  'forwardZones',
] as const satisfies readonly (keyof ContainerDnsOptions)[]

/**
 * What `reload` takes. An option that is left out stays as it is; one that is undefined goes back to its default.
 *
 * Of `listen` only the certificates may differ, of `views` only the clients; of `forward.cache` not its size, and a server that forwards
 * nothing does not begin to, nor one that does stop.
 */
export type ReloadableOptions = {
  [Name in (typeof RELOADABLE_NAMES)[number]]?: ContainerDnsOptions[Name] | undefined
}

/** Options as they were given and as they are meant. */
export interface OptionsInUse {
  readonly given: ContainerDnsOptions
  readonly parsed: ParsedOptions
}

/** Copies what a reload may have to combine with other options later: the caller's own objects may change meanwhile. */
export function optionsInUse(given: ContainerDnsOptions, parsed: ParsedOptions): OptionsInUse {
  return { given: { ...given, ...copied(given) }, parsed }
}

/**
 * The options of a server once it has taken some more. Throws as `parseOptions` does, and CDNS_RESTART_NEEDED for what a running
 * server cannot take. Options that need a restart may be there as long as they say what is so already.
 */
export function reloadedOptions(inUse: OptionsInUse, changes: ReloadableOptions): OptionsInUse {
  refuseUnknownKeys('reload', changes, OPTION_NAMES)
  const merged = { ...inUse.given, ...changes }
  // Undefined where it was said is as if it had not been said.
  const given = Object.fromEntries(
    Object.entries(merged).filter(([, value]) => value !== undefined),
  ) as ContainerDnsOptions
  const parsed = { ...parseOptions({ ...given, store: inUse.parsed.store }), logger: inUse.parsed.logger }
  refuseAll([
    ...(Object.keys(changes) as (keyof ContainerDnsOptions)[]).map(
      (name) => () => refuseRestart(name, inUse, { given, parsed }),
    ),
    () => refuseOtherListeners(inUse.parsed.listen, parsed.listen),
    () => refuseOtherForwarding(inUse.parsed.forward, parsed.forward),
    () => refuseOtherViews(inUse.parsed, parsed),
  ])
  return optionsInUse(given, parsed)
}

function copied(given: ContainerDnsOptions): ContainerDnsOptions {
  const chosen = RELOADABLE_NAMES.filter((name) => given[name] !== undefined).map((name) => [name, given[name]])
  return structuredClone(Object.fromEntries(chosen)) as ContainerDnsOptions
}

/** Objects of the host's are the same or they are not; all else is compared as it is meant. */
function refuseRestart(name: keyof ContainerDnsOptions, before: OptionsInUse, after: OptionsInUse): void {
  if ((RELOADABLE_NAMES as readonly string[]).includes(name)) return
  const isSame = OBJECTS.has(name)
    ? before.given[name] === after.given[name]
    : isDeepStrictEqual(before.given[name], after.given[name]) ||
      isDeepStrictEqual(before.parsed[name as keyof ParsedOptions], after.parsed[name as keyof ParsedOptions])
  if (!isSame) throw restartNeeded(name)
}

const OBJECTS: ReadonlySet<string> = new Set(['store', 'logger', 'signal'])

function refuseOtherListeners(before: readonly ListenAddress[], after: readonly ListenAddress[]): void {
  const places = (listen: readonly ListenAddress[]) => listen.map(({ tls: _, ...place }) => place)
  if (!isDeepStrictEqual(places(before), places(after)))
    throw restartNeeded('listen', 'differs in more than certificates')
}

/** A thread and the memory of the cache are there from the start, or not. */
function refuseOtherForwarding(before: ParsedForward | undefined, after: ParsedForward | undefined): void {
  if ((before === undefined) !== (after === undefined)) throw restartNeeded('forward', 'begins or ends')
  for (const name of ['maxBytes', 'maxEntries'] as const) {
    if (before?.cache[name] !== after?.cache[name]) throw restartNeeded(`forward.cache.${name}`)
  }
}

function refuseOtherViews({ views: before }: ParsedOptions, { views: after }: ParsedOptions): void {
  if (isDeepStrictEqual(before.names, after.names)) return
  throw restartNeeded('views', 'has other names, or has them in another order')
}

/** Whoever has to restart wants to know of all of it. */
function refuseAll(checks: readonly (() => void)[]): void {
  const refusals: unknown[] = []
  for (const check of checks) {
    try {
      check()
    } catch (error) {
      if (restartOptions(error).length === 0) throw error
      refusals.push(error)
    }
  }
  if (refusals.length > 1) throw restartNeeded(refusals.flatMap(restartOptions))
  if (refusals.length === 1) throw refusals[0]
}

/** The options that a CDNS_RESTART_NEEDED is about; none of any other error. */
export function restartOptions(error: unknown): readonly string[] {
  const { needsRestart } = detailsOf(error)
  return Array.isArray(needsRestart) ? (needsRestart as string[]) : []
}

/** CDNS_RESTART_NEEDED; `how` where not every change of the option takes one: `differs in more than certificates`. */
export function restartNeeded(option: string | readonly string[], how?: string): ContainerDnsError {
  const options = [option].flat()
  const names = options.map((name) => `\`${name}\``).join(', ')
  const what = how === undefined ? `a change of ${names} takes a restart` : `${names} ${how}, which takes a restart`
  const message = `${what}; nothing was changed`
  return new DetailedError('CDNS_RESTART_NEEDED', message, { needsRestart: options })
}
