import type { IncomingHttpHeaders } from 'node:http2'
import { MAX_REQUEST_SIZE } from './datagram-transport.js'

/** RFC 8484 §6: the media type of a DNS message in wire form. */
export const DNS_MESSAGE = 'application/dns-message'

/** RFC 1035 §4.2.2: no message is longer, and none of those that we answer comes near. */
export const MAX_BODY_SIZE = 0xffff

/** What a request asks for: a message it carries, one in its body, or nothing that it could be given. */
export type DohRequest =
  | { readonly kind: 'message'; readonly message: Uint8Array }
  | { readonly kind: 'body' }
  | { readonly kind: 'refused'; readonly status: number }

const BODY: DohRequest = { kind: 'body' }

/** Reads the headers of a request to a server that answers at `path`. Never throws. */
export function readDohRequest(headers: IncomingHttpHeaders, path: string): DohRequest {
  const target = headers[':path'] ?? ''
  const queryAt = target.indexOf('?')
  if ((queryAt < 0 ? target : target.slice(0, queryAt)) !== path) return refused(404)
  switch (headers[':method']) {
    case 'GET':
    case 'HEAD':
      return queryAt < 0 ? refused(400) : readVariable(target.slice(queryAt + 1))
    case 'POST':
      return readBodyHeaders(headers)
    default:
      return refused(405)
  }
}

function readBodyHeaders(headers: IncomingHttpHeaders): DohRequest {
  const [type = ''] = (headers['content-type'] ?? '').split(';', 1)
  if (type.trim().toLowerCase() !== DNS_MESSAGE) return refused(415)
  return Number(headers['content-length'] ?? 0) > MAX_BODY_SIZE ? refused(413) : BODY
}

/** RFC 8484 §4.1 and §6: the variable `dns` is base64url without padding. Nothing in it needs a percent sign. */
function readVariable(query: string): DohRequest {
  const variable = query.split('&', MAX_VARIABLES).find((each) => each.startsWith('dns='))
  if (variable === undefined) return refused(400)
  const text = variable.slice('dns='.length)
  if (text.length > MAX_VARIABLE_SIZE) return refused(414)
  // A single character at the end holds no byte.
  if (!BASE64URL.test(text) || text.length % 4 === 1) return refused(400)
  return { kind: 'message', message: Buffer.from(text, 'base64url') }
}

/** Ours stands first, or nearly so. */
const MAX_VARIABLES = 16
/** What holds the largest message that is read; who has a larger one can POST it. */
const MAX_VARIABLE_SIZE = Math.ceil((MAX_REQUEST_SIZE * 4) / 3)
const BASE64URL = /^[\w-]*$/

function refused(status: number): DohRequest {
  return { kind: 'refused', status }
}
