import type { HealthState } from '../record-store.js'
import type { Decoded } from './key-layout.js'
import { parse } from './value-containerdns.js'

// What `/containerdns/monitor/status/<ip>` holds: JSON of the origin's, read and written with all that others say there.

/** What the origin's scanner says of an address. It takes notice of two words only, and so do we. */
export function readHealth(address: string, value: Buffer): Decoded {
  try {
    const { status } = parse(value) as { readonly status?: unknown }
    return { kind: 'health', address, state: status === 'UP' ? 'healthy' : status === 'DOWN' ? 'unhealthy' : 'unknown' }
  } catch (error) {
    return { kind: 'bad', reason: (error as Error).message }
  }
}

/** The value of a key that says so, with what it says beside; undefined: it is so already. Throws nothing: what cannot be read is written over. */
export function healthValue(stored: Buffer | undefined, state: HealthState): string | undefined {
  const status = state === 'healthy' ? 'UP' : state === 'unhealthy' ? 'DOWN' : 'UNKNOWN'
  const others = storedHealth(stored)
  if (others === undefined) return JSON.stringify({ status })
  const said = (others as { readonly status?: unknown }).status
  const isSo = state === 'unknown' ? said !== 'UP' && said !== 'DOWN' : said === status
  return isSo ? undefined : JSON.stringify({ ...others, status })
}

/**
 * The value of a key that says for the sake of which names its address is probed, with what it says beside; undefined: it is so already. Names
 * have the origin's last dot. An address that nobody has looked at yet is nobody's to call alive.
 */
export function watchedValue(stored: Buffer | undefined, name: string, isWanted: boolean): string | undefined {
  const others = storedHealth(stored) ?? {}
  const { domains: given } = others as { readonly domains?: unknown }
  const domains: readonly unknown[] = Array.isArray(given) ? given : []
  const domain = `${name}.`
  if (domains.includes(domain) === isWanted) return undefined
  const changed = isWanted ? [...domains, domain] : domains.filter((each) => each !== domain)
  return JSON.stringify({ status: 'UNKNOWN', ...others, domains: changed })
}

/** What a key says of an address; undefined for what cannot be read. */
function storedHealth(stored: Buffer | undefined): object | undefined {
  try {
    return stored === undefined ? {} : parse(stored)
  } catch {
    return undefined
  }
}
