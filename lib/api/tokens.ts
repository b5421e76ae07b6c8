import { createHash, scrypt, timingSafeEqual } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { describe, refuseUnknownKeys } from '../bounds.js'
import { ContainerDnsError } from '../errors.js'
import type { Logger } from '../log.js'
import { isOwner, KUBERNETES } from '../records/rrset.js'
import { TaskQueue } from '../store/task-queue.js'
import { faultAt, YamlDocument } from '../yaml-document.js'
import { foldedName, type Principal, VERBS, type Verb } from './access.js'

/** A token, as its hash, and what it is for. */
export interface TokenOptions {
  /** Whom it belongs to: what records say as their owner. Two tokens may be one principal's. */
  principal: string
  /** `sha256:HEX`, for tokens made by chance; or `scrypt:N:r:p:SALT:HASH`, both in base64, for those that people made up. */
  hash: string
  /** Zones or names, at and below which records may be read and written. Default: all. */
  zones?: string[]
  /** What it may be used for: `read`, `write`, `health`, `cache`, `stats`. Default: `['read']`. */
  verbs?: Verb[]
  /** Everything, and the records of all others. Default false. */
  admin?: boolean
}

/** Tokens, or the path of a YAML or JSON file with `tokens:`, read again when it changes. */
export type TokensOption = readonly TokenOptions[] | { readonly file: string }

interface Token {
  readonly principal: Principal
  readonly hash: Hash
}

type Hash = { readonly kind: 'sha256'; readonly digest: Buffer } | ScryptHash

interface ScryptHash {
  readonly kind: 'scrypt'
  readonly cost: { readonly N: number; readonly r: number; readonly p: number }
  readonly salt: Buffer
  readonly digest: Buffer
}

/** How often the file is looked at. A change is taken once it has stood for one look. */
const LOOK_MS = 1000
/** Of what scrypt takes a tenth of a second for, what has been found right is remembered. */
const MAX_REMEMBERED = 1024
/** Tokens that wait for scrypt; more are refused, so that nobody's guesses pile up. */
const MAX_WAITING = 32
const SHA256_BYTES = 32
const MAX_SCRYPT_MEMORY = 256 * 1024 * 1024

/** Who a token belongs to. */
export class Tokens {
  #tokens: readonly Token[] = []
  readonly #file: string | undefined
  readonly #logger: Logger
  /** Digests of tokens that scrypt has found right. */
  readonly #remembered = new Map<string, Token>()
  /** One at a time: whoever tries tokens costs us one core at most. */
  readonly #scrypts = new TaskQueue()
  #waiting = 0
  #timer: NodeJS.Timeout | undefined
  #taken = ''
  #seen = ''

  private constructor(file: string | undefined, logger: Logger) {
    this.#file = file
    this.#logger = logger
  }

  /** Throws CDNS_TOKENS_INVALID. */
  static async open(given: TokensOption, logger: Logger): Promise<Tokens> {
    const file = 'file' in given ? given.file : undefined
    const tokens = new Tokens(file, logger)
    if (file === undefined) {
      tokens.#tokens = parseTokens(given, 'tokens')
      return tokens
    }
    tokens.#taken = await stampOf(file)
    tokens.#seen = tokens.#taken
    tokens.#tokens = await readTokens(file)
    tokens.#timer = setInterval(() => void tokens.#look(), LOOK_MS).unref()
    return tokens
  }

  /** undefined for a token that nobody has. Takes the same time for all hashes of one kind, whichever it is. */
  async principalOf(token: string): Promise<Principal | undefined> {
    const digest = createHash('sha256').update(token).digest()
    let found: Token | undefined
    for (const each of this.#tokens) {
      if (each.hash.kind === 'sha256' && timingSafeEqual(each.hash.digest, digest)) found = each
    }
    if (found !== undefined) return found.principal
    const remembered = this.#remembered.get(digest.toString('hex'))
    if (remembered !== undefined) return remembered.principal
    for (const each of this.#tokens) {
      if (each.hash.kind !== 'scrypt') continue
      const isRight = await this.#matches(token, each.hash)
      // They may have been read anew meanwhile.
      if (!isRight || !this.#tokens.includes(each)) continue
      if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear()
      this.#remembered.set(digest.toString('hex'), each)
      return each.principal
    }
    return undefined
  }

  /** Throws CDNS_RATE_LIMITED. */
  async #matches(token: string, hash: ScryptHash): Promise<boolean> {
    if (this.#waiting >= MAX_WAITING) {
      throw new ContainerDnsError('CDNS_RATE_LIMITED', 'too many tokens are waiting to be looked at')
    }
    this.#waiting++
    try {
      return await this.#scrypts.run(async () => timingSafeEqual(await scryptOf(token, hash), hash.digest))
    } finally {
      this.#waiting--
    }
  }

  close(): void {
    clearInterval(this.#timer)
  }

  async #look(): Promise<void> {
    const file = this.#file!
    const stamp = await stampOf(file)
    const isStill = stamp === this.#seen
    this.#seen = stamp
    if (!isStill || stamp === this.#taken) return
    this.#taken = stamp
    try {
      this.#tokens = await readTokens(file)
      this.#remembered.clear()
      this.#logger.info({ file, tokens: this.#tokens.length }, 'the tokens of the API have been read again')
    } catch (error) {
      this.#logger.error({ file, err: error }, 'the file of tokens is broken, those before stay')
    }
  }
}

/** Throws CDNS_TOKENS_INVALID, with file and line. */
export async function readTokens(file: string): Promise<readonly Token[]> {
  const document = new YamlDocument(file, await textOf(file), 'CDNS_TOKENS_INVALID')
  const { value } = document
  const fault = (path: readonly (string | number)[], reason: string) =>
    faultAt('CDNS_TOKENS_INVALID', file, document.lineOf(path), reason)
  try {
    refuseUnknownKeys('the file', value, ['tokens'])
  } catch (cause) {
    throw fault([], (cause as Error).message)
  }
  return parseTokens((value as { tokens?: unknown }).tokens, 'tokens', (i, reason) =>
    fault(i === undefined ? ['tokens'] : ['tokens', i], reason),
  )
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw invalid(`${file}: ${(cause as Error).message}`, cause)
  }
}

async function stampOf(file: string): Promise<string> {
  try {
    const { mtimeMs, size, ino } = await stat(file)
    return `${mtimeMs} ${size} ${ino}`
  } catch {
    return 'missing'
  }
}

/** Throws CDNS_TOKENS_INVALID; `fault` says where, with the index of the token that is wrong. */
export function parseTokens(
  given: unknown,
  what: string,
  fault = (_i: number | undefined, reason: string) => invalid(reason),
): readonly Token[] {
  if (!Array.isArray(given) || given.length === 0) {
    throw fault(undefined, `${what} must be an array with something in it, got ${describe(given)}`)
  }
  const hashes = new Set<string>()
  return given.map((token, i) => {
    try {
      const parsed = parseToken(token as TokenOptions)
      const { hash } = token as TokenOptions
      if (hashes.has(hash.toLowerCase())) throw new Error('hash is that of another token, too')
      hashes.add(hash.toLowerCase())
      return parsed
    } catch (cause) {
      throw fault(i, `${what}[${i}]: ${(cause as Error).message}`)
    }
  })
}

function parseToken(given: TokenOptions): Token {
  refuseUnknownKeys('a token', given, ['principal', 'hash', 'zones', 'verbs', 'admin'])
  const { principal, hash, zones, verbs = ['read'], admin = false } = given
  if (!isOwner(principal) || principal === KUBERNETES) {
    throw new Error(`principal must be text, and not ${KUBERNETES}; got ${describe(principal)}`)
  }
  if (typeof admin !== 'boolean') throw new Error(`admin must be true or false, got ${describe(admin)}`)
  if (!Array.isArray(verbs) || verbs.some((verb) => !VERBS.includes(verb))) {
    throw new Error(`verbs must be an array of ${VERBS.join(', ')}`)
  }
  if (zones !== undefined && !Array.isArray(zones)) throw new Error('zones must be an array of names')
  return {
    principal: { name: principal, isAdmin: admin, verbs: new Set(verbs), zones: zones?.map(foldedName) },
    hash: parseHash(hash),
  }
}

/** Nothing of the hash goes into a message: it ends up in logs. */
function parseHash(given: unknown): Hash {
  const text = typeof given === 'string' ? given : ''
  const hex = /^sha256:([0-9a-fA-F]{64})$/.exec(text)?.[1]
  if (hex !== undefined) return { kind: 'sha256', digest: Buffer.from(hex, 'hex') }
  const parts = /^scrypt:(\d{1,8}):(\d{1,3}):(\d{1,3}):([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)$/.exec(text)
  if (parts === null) throw new Error('hash must be sha256:HEX or scrypt:N:r:p:SALT:HASH')
  const [N, r, p] = parts.slice(1, 4).map(Number) as [number, number, number]
  const digest = Buffer.from(parts[5]!, 'base64')
  const isPowerOfTwo = N > 1 && (N & (N - 1)) === 0
  if (!isPowerOfTwo || r < 1 || p < 1 || 256 * N * r > MAX_SCRYPT_MEMORY || digest.length < SHA256_BYTES / 2) {
    throw new Error('hash has costs or a length that scrypt cannot have here')
  }
  return { kind: 'scrypt', cost: { N, r, p }, salt: Buffer.from(parts[4]!, 'base64'), digest }
}

function scryptOf(token: string, { cost, salt, digest }: ScryptHash): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(token, salt, digest.length, { ...cost, maxmem: MAX_SCRYPT_MEMORY }, (error, key) =>
      error === null ? resolve(key) : reject(error),
    )
  })
}

function invalid(message: string, cause?: unknown): ContainerDnsError {
  return new ContainerDnsError('CDNS_TOKENS_INVALID', message, { cause })
}
