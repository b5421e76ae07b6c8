import { isIP } from 'node:net'
import { ContainerDnsError } from '../errors.js'
import { type Principal, requireAdmin, requireVerb, VERBS } from './access.js'
import type { Route } from './route.js'
import type { Tokens } from './tokens.js'

/** Where there are no tokens, whoever is on this host may do everything. */
const ANYONE: Principal = { name: undefined, isAdmin: true, verbs: new Set(VERBS), zones: undefined }

/** What is known of a request before anything of it is read. */
export interface Credentials {
  readonly authorization: string | undefined
  readonly queryToken: unknown
  readonly host: string | undefined
  /** The web site whose page sends it; undefined of what is no page, and of most that a page only reads. */
  readonly origin: string | undefined
  /** Where the connection came in. */
  readonly localAddress: string | undefined
}

/** Who sends a request, and whether they may ask such a thing at all. */
export class Authentication {
  readonly #tokens: Tokens | undefined
  readonly #takesQueryToken: boolean

  constructor(tokens: Tokens | undefined, takesQueryToken: boolean) {
    this.#tokens = tokens
    this.#takesQueryToken = takesQueryToken
  }

  /** Throws CDNS_UNAUTHENTICATED and CDNS_FORBIDDEN. */
  async principalFor(access: Route['access'], credentials: Credentials): Promise<Principal> {
    if (access === 'open') return ANYONE
    const principal = this.#tokens === undefined ? localPrincipal(credentials) : await this.#owner(credentials)
    if (access === 'admin') requireAdmin(principal)
    else if (access !== 'any') requireVerb(principal, access)
    return principal
  }

  async #owner({ authorization, queryToken }: Credentials): Promise<Principal> {
    const bearer = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1]
    const token = bearer ?? (this.#takesQueryToken && typeof queryToken === 'string' ? queryToken : undefined)
    if (token === undefined || token === '') throw new ContainerDnsError('CDNS_UNAUTHENTICATED', 'a token is needed')
    const principal = await this.#tokens!.principalOf(token)
    if (principal === undefined) throw new ContainerDnsError('CDNS_UNAUTHENTICATED', 'this token is nobody’s')
    return principal
  }
}

/**
 * A page of some web site, opened in a browser on this host, could send requests too: they carry the site's name, as the host where that leads
 * here, or as their origin. Throws CDNS_FORBIDDEN.
 */
function localPrincipal({ localAddress, host = '', origin }: Credentials): Principal {
  const name = host.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')
  const isLocalName = name === 'localhost' || isLoopback(name)
  const isOurPage = origin === undefined || origin.replace(/^https?:\/\//, '') === host
  if (isLoopback(localAddress ?? '') && isLocalName && isOurPage) return ANYONE
  throw new ContainerDnsError('CDNS_FORBIDDEN', 'without tokens the API answers on loopback only')
}

export function isLoopback(address: string): boolean {
  const plain = address.replace(/^::ffff:/, '')
  return isIP(plain) === 4 ? plain.startsWith('127.') : plain === '::1'
}
