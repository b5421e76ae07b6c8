import { ContainerDnsError, type ErrorCode } from '../errors.js'
import { type Problem, problemOf } from './problem.js'
import type { Reply } from './route.js'

// What ContainerDNS says, letter by letter: programs compare with these. The status beside them is ours.

export const TEXTS = {
  ok: 'OK',
  noName: 'ERR, no domain name input ',
  noType: 'ERR, type input ',
  notOurs: 'ERR, the api not support this domain  ',
  notYours: 'ERR, user name not match  ',
  noSuchName: 'ERR, no find  domain name ',
  noSuchAddress: 'ERR, no find  domain ip ',
  kubernetes: 'ERR, can not ops k8s svc ',
  exists: 'ERR, set domain name error  domain exists ',
  oneUpdate: 'ERR, put just support  one update one time',
  noSuchAlias: 'ERR, not find   alias name ',
  otherTarget: 'ERR, alias name and domain not match ',
  noAddresses: 'ERR, no domain ips ',
  noPorts: 'ERR, no domain ports ',
  portsDiffer: 'ERR, ips and ports not match ',
  notAnAddress: 'ERR, it is not  IP addr ',
  typeUnsupported: 'ERR,type not support ',
  unknownType: 'ERR, no type offered ',
  noUpdate: 'ERR, no body update ',
  unauthorized: 'No authorized',
} as const

const BY_CODE: Partial<Record<ErrorCode, string>> = {
  CDNS_UNAUTHENTICATED: TEXTS.unauthorized,
  CDNS_FORBIDDEN: TEXTS.notYours,
  CDNS_RECORD_READ_ONLY: TEXTS.kubernetes,
  CDNS_NAME_OUT_OF_ZONE: TEXTS.notOurs,
  CDNS_ADDRESS_INVALID: TEXTS.notAnAddress,
}

/** An error whose message is the text that goes out. */
export function fault(code: ErrorCode, text: string): ContainerDnsError {
  return new ContainerDnsError(code, text)
}

/** A problem as these calls tell it. */
export function textOf({ code, detail }: Problem): string {
  if (/^(alias )?ERR,/.test(detail)) return detail
  return BY_CODE[code] ?? `ERR, ${detail}`
}

export function textReply(text: string, status = 200): Reply {
  return { status, body: `${text}\n`, headers: { 'content-type': 'text/plain; charset=utf-8' } }
}

export function errorReply(error: unknown): Reply {
  const found = problemOf(error)
  return textReply(textOf(found), found.status)
}

/** As the origin sends it: JSON and the end of a line. */
export function jsonReply(value: unknown): Reply {
  return {
    status: 200,
    body: `${JSON.stringify(value)}\n`,
    headers: { 'content-type': 'application/json; charset=utf-8' },
  }
}
