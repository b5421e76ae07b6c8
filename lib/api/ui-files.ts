import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { ContainerDnsError } from '../errors.js'
import { names } from './etag.js'
import type { Call, Reply, Route } from './route.js'
import { NOTHING, PROBLEMS } from './schemas.js'

/** Beside the library's own files, as workers are. */
const FOLDER = new URL('./ui/', import.meta.url)

const FILES = [
  { path: '/ui/', file: 'index.html', type: 'text/html' },
  { path: '/ui/app.js', file: 'app.js', type: 'text/javascript' },
  { path: '/ui/app.css', file: 'app.css', type: 'text/css' },
  { path: '/ui/icon.svg', file: 'icon.svg', type: 'image/svg+xml' },
] as const

/**
 * What the page may do in a browser: use its own files and ask its own origin. No script in the text of a page, no form, no frame, no
 * text made into elements: a record's name stays a name.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')

const HEADERS = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  // Asked for each time and hardly ever sent: an update shows at once.
  'cache-control': 'no-cache',
  vary: 'accept-encoding',
}

/** The page for people. It holds nothing that is secret, and asks for a token itself. */
export function uiRoutes(): Route[] {
  return FILES.map(({ path, file, type }) => {
    let content: Promise<Content> | undefined
    return {
      ...{ method: 'GET', path, access: 'open' },
      schema: {
        ...{ summary: `The page for people: ${file}`, tags: ['page'] },
        response: {
          200: { description: 'The file', content: { [type]: { schema: { type: 'string' } } } },
          304: NOTHING,
          ...PROBLEMS,
        },
      },
      handle: async (call) => {
        content ??= read(file)
        return answer(call, type, await content)
      },
    }
  })
}

interface Content {
  readonly plain: Buffer
  readonly zipped: Buffer
  readonly hash: string
}

/** Rejects with CDNS_NOT_SERVED_HERE. */
async function read(file: string): Promise<Content> {
  const plain = await readFile(new URL(file, FOLDER)).catch((cause: unknown) => {
    const wanted = 'this process has no page: a host that bundles the library puts dist/ui beside its bundle'
    throw new ContainerDnsError('CDNS_NOT_SERVED_HERE', wanted, { cause })
  })
  const hash = createHash('sha256').update(plain).digest('base64url').slice(0, 27)
  return { plain, zipped: await promisify(gzip)(plain), hash }
}

function answer(call: Call, type: string, { plain, zipped, hash }: Content): Reply {
  const isZipped = takesGzip(call.header('accept-encoding') ?? '')
  const etag = isZipped ? `"${hash}-gzip"` : `"${hash}"`
  const headers = { ...HEADERS, etag }
  if (names(call.header('if-none-match') ?? '', etag)) return { status: 304, headers }
  return {
    status: 200,
    body: isZipped ? zipped : plain,
    headers: {
      ...{ ...headers, 'content-type': type.startsWith('image/') ? type : `${type}; charset=utf-8` },
      ...(isZipped ? { 'content-encoding': 'gzip' } : {}),
    },
  }
}

/** RFC 9110 §12.5.3: with a weight of 0 it is not wanted. */
function takesGzip(header: string): boolean {
  return header.split(',').some((each) => /^\s*gzip\s*(?:;\s*q=(?!0(?:\.0*)?\s*$).*)?$/i.test(each))
}
