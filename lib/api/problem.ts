import { type ContainerDnsError, detailsOf, type ErrorCode } from '../errors.js'

/** RFC 9457: what went wrong, for programs by its `code`. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: ErrorCode
  /** More about it: which changes of a bulk request were wrong, and how. */
  readonly [more: string]: unknown
}

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8'

const STATUS: Partial<Record<ErrorCode, number>> = {
  CDNS_REQUEST_INVALID: 400,
  CDNS_UNAUTHENTICATED: 401,
  CDNS_FORBIDDEN: 403,
  CDNS_RECORD_READ_ONLY: 403,
  CDNS_NOT_FOUND: 404,
  CDNS_VIEW_UNKNOWN: 404,
  CDNS_CNAME_CONFLICT: 409,
  CDNS_STORE_CONFLICT: 409,
  CDNS_RESTART_NEEDED: 409,
  CDNS_BULK_INCOMPLETE: 409,
  CDNS_PRECONDITION_FAILED: 412,
  CDNS_RATE_LIMITED: 429,
  CDNS_API_FAILED: 500,
  CDNS_NOT_SERVED_HERE: 501,
  CDNS_STORE_UNSUPPORTED: 501,
  CDNS_CLOSED: 503,
  CDNS_STORE_UNAVAILABLE: 503,
  CDNS_SHARED_MEMORY_FULL: 507,
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
  507: 'Insufficient Storage',
}

/** Of an error that is none of ours nothing is told: it may hold anything. */
export function problemOf(error: unknown): Problem {
  if (!isOurs(error)) return problem(500, 'CDNS_API_FAILED', 'something went wrong; the log has it')
  const status = STATUS[error.code] ?? 422
  return { ...detailsOf(error), ...problem(status, error.code, error.message) }
}

export function problem(status: number, code: ErrorCode, detail: string): Problem {
  return { type: `urn:containerdns:${code}`, title: TITLES[status] ?? 'Error', status, detail, code }
}

/** Two copies of our class may be loaded. */
export function isOurs(error: unknown): error is ContainerDnsError {
  return (error as Partial<Error> | undefined)?.name === 'ContainerDnsError'
}
