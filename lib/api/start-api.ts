import { isIP, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { type Bounds, describe, numberWithin, refuseUnknownKeys } from '../bounds.js'
import { ContainerDnsError } from '../errors.js'
import { CertificateWatch } from '../transport/certificate-watch.js'
import { type Certificate, readCertificate, secureOptions } from '../transport/tls-certificate.js'
import { isLoopback } from './authentication.js'
import { limitConnections, REQUEST_TIMEOUTS, SERVER_TIMEOUTS, TLS_TIMEOUTS } from './connection-limits.js'
import { API_OPTION_NAMES, type ApiOptions, type ParsedApiOptions, parseApiOptions } from './options.js'
import { registerApi } from './plugin.js'
import { PROBLEM_TYPE, problem, problemOf } from './problem.js'

/** What `startApi` takes: the options of the plugin, and where to listen. */
export interface StartApiOptions extends ApiOptions {
  listen?: {
    /** An address. Default 127.0.0.1; without tokens nothing but loopback. */
    host?: string
    /** Default 9003, which is ContainerDNS's; 0: any. */
    port?: number
    /** PEM text or paths of files, which are taken anew when they change. */
    tls?: { cert: string; key: string }
  }
}

export interface RunningApi {
  readonly host: string
  readonly port: number
  /** `http://127.0.0.1:9003` */
  readonly url: string
  /** Has `auditFile` opened anew: somebody has moved it. Nothing to do where there is none. */
  reopenLogs(): void
  /** Not ready at once, then answers for `drainMs` more, then stops. May be called twice. Default 0. */
  close(options?: { drainMs?: number }): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export const API_PORT: Bounds = { default: 9003, min: 0, max: 65535 }
const DRAIN_MS: Bounds = { default: 0, min: 0, max: 3_600_000, unit: 'milliseconds' }
/** How often the files of a certificate may be looked at. */
const LOOK_MS = 1000
/**
 * Runs the API in this process: for a `server` that is in it, or for a `store` beside servers elsewhere.
 *
 * Rejects with CDNS_OPTION_…, CDNS_API_UNPROTECTED, CDNS_TOKENS_INVALID, CDNS_CERTIFICATE_…, CDNS_PORT_IN_USE,
 * CDNS_ADDRESS_UNAVAILABLE, CDNS_PERMISSION_DENIED, and the store's codes. Then nothing is left open.
 */
export async function startApi(options: StartApiOptions): Promise<RunningApi> {
  refuseUnknownKeys('the options of the API', options, [...API_OPTION_NAMES, 'listen'])
  const { listen = {}, ...rest } = options
  const parsed = parseApiOptions(rest)
  const { host, port, tls } = parseApiListen(listen, parsed)
  const certificate = tls === undefined ? undefined : await readCertificate(tls)
  const app = createApp(parsed, certificate)
  limitConnections(app.server, parsed.logger)
  let isOpen = true
  let registered: { reopenLogs(): void } | undefined
  try {
    await app.register(async (scope: FastifyInstance) => {
      registered = await registerApi(scope, parsed, () => isOpen)
    })
    await app.ready()
    await app.listen({ host, port })
  } catch (error) {
    await app.close()
    throw asOurs(error as NodeJS.ErrnoException, host, port)
  }
  const timer = tls && certificate && watchCertificate(app, { source: tls, certificate }, parsed)
  const address = app.server.address() as { address: string; port: number }
  const name = isIP(address.address) === 6 ? `[${address.address}]` : address.address
  let closing: Promise<void> | undefined
  const close = async (given: { drainMs?: number } = {}) => {
    refuseUnknownKeys('close', given, ['drainMs'])
    const drainMs = numberWithin('drainMs', given.drainMs, DRAIN_MS)
    isOpen = false
    closing ??= (async () => {
      if (drainMs > 0) await delay(drainMs)
      clearInterval(timer)
      await app.close()
    })()
    await closing
  }
  return {
    ...{ host: address.address, port: address.port, close, [Symbol.asyncDispose]: () => close() },
    reopenLogs: () => registered?.reopenLogs(),
    url: `${tls === undefined ? 'http' : 'https'}://${name}:${address.port}`,
  }
}

function createApp({ bodyLimitBytes, ui }: ParsedApiOptions, certificate: Certificate | undefined): FastifyInstance {
  const limits = {
    bodyLimit: bodyLimitBytes,
    ...REQUEST_TIMEOUTS,
    forceCloseConnections: 'idle' as const,
  }
  // Whatever a request line can hold: the schema of the parameter says in our own words what is too long.
  const router = {
    ...{ routerOptions: { maxParamLength: 16_384 }, clientErrorHandler: refuseUnreadable },
    frameworkErrors: (error: Error, _: FastifyRequest, reply: FastifyReply) => refuse(error, reply),
  }
  const app =
    certificate === undefined
      ? Fastify({ ...limits, ...router, http: SERVER_TIMEOUTS })
      : (Fastify({
          ...{ ...limits, ...router },
          https: { ...secureOptions(certificate), ...SERVER_TIMEOUTS, ...TLS_TIMEOUTS },
        }) as unknown as FastifyInstance)
  app.setErrorHandler((error, _, reply) => refuse(error as Error, reply))
  // Files of the page are named from where it is.
  if (ui) {
    app.get('/ui', (_, reply) => reply.redirect('ui/', 308))
    // For now: what else may stand there one day must not be hidden by what a browser remembers.
    app.get('/', (_, reply) => reply.redirect('ui/', 302))
  }
  app.setNotFoundHandler((request, reply) => {
    const found = problem(404, 'CDNS_NOT_FOUND', `there is no ${request.url.split('?')[0]} here`)
    reply.code(404).type(PROBLEM_TYPE).send(JSON.stringify(found))
  })
  return app
}

/** What Fastify refuses before a route of ours has it: an escape in the path that is none, a method that wants a type. */
function refuse(error: Error & { statusCode?: number }, reply: FastifyReply): void {
  const { statusCode = 500 } = error
  const found =
    statusCode < 400 || statusCode > 499 ? problemOf(error) : problem(statusCode, 'CDNS_REQUEST_INVALID', error.message)
  reply.code(found.status).type(PROBLEM_TYPE).send(JSON.stringify(found))
}

const UNREADABLE: Readonly<Record<string, readonly [status: number, detail: string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'the request line and headers are larger than 16 KiB'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'the request took too long to come'],
}

/** What Node's parser does not take has no route that could answer. */
function refuseUnreadable(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  const [status, detail] = UNREADABLE[error.code ?? ''] ?? ([400, 'this is not a request of HTTP/1.1'] as const)
  const found = problem(status, 'CDNS_REQUEST_INVALID', detail)
  const body = JSON.stringify(found)
  if (socket.writable) {
    socket.write(
      `HTTP/1.1 ${status} ${found.title}\r\nContent-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    )
  }
  socket.destroySoon()
}

/** Throws CDNS_OPTION_UNKNOWN, CDNS_OPTION_INVALID, CDNS_API_UNPROTECTED and CDNS_CERTIFICATE_MISSING. */
export function parseApiListen(given: NonNullable<StartApiOptions['listen']>, { tokens }: ParsedApiOptions) {
  refuseUnknownKeys('listen', given, ['host', 'port', 'tls'])
  const { host = '127.0.0.1', tls } = given
  if (typeof host !== 'string' || isIP(host) === 0) {
    throw new ContainerDnsError(
      'CDNS_OPTION_INVALID',
      `listen.host must be an IPv4 or IPv6 address, got ${describe(host)}`,
    )
  }
  if (tokens === undefined && !isLoopback(host)) {
    const wanted = `listen.host ${host} needs tokens, since others reach the API there; without them it listens on 127.0.0.1 or ::1`
    throw new ContainerDnsError('CDNS_API_UNPROTECTED', wanted)
  }
  if (tls !== undefined) refuseUnknownKeys('listen.tls', tls, ['cert', 'key'])
  for (const key of ['cert', 'key'] as const) {
    if (tls === undefined || (typeof tls[key] === 'string' && tls[key] !== '')) continue
    throw new ContainerDnsError('CDNS_CERTIFICATE_MISSING', `listen.tls.${key} must be PEM text or the path of a file`)
  }
  return { host, port: numberWithin('listen.port', given.port, API_PORT), tls }
}

function watchCertificate(
  app: FastifyInstance,
  identity: ConstructorParameters<typeof CertificateWatch>[0],
  { logger }: ParsedApiOptions,
): NodeJS.Timeout {
  const watch = new CertificateWatch(
    identity,
    app.server as unknown as ConstructorParameters<typeof CertificateWatch>[1],
    {
      onCertificate: ({ cert }, failure) => {
        if (failure === undefined) logger.info({ file: cert }, 'the certificate of the API has been replaced')
        else logger.error({ file: cert, err: failure }, 'the certificate of the API is broken, the one before stays')
      },
    },
  )
  void watch.start()
  return setInterval(() => watch.look(), LOOK_MS).unref()
}

function asOurs(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const codes = {
    EADDRINUSE: 'CDNS_PORT_IN_USE',
    EADDRNOTAVAIL: 'CDNS_ADDRESS_UNAVAILABLE',
    EACCES: 'CDNS_PERMISSION_DENIED',
  } as const
  const code = codes[error.code as keyof typeof codes]
  if (code === undefined || error.syscall !== 'listen') return error
  return new ContainerDnsError(code, `the API cannot listen on ${host} port ${port}: ${error.code}`, { cause: error })
}
