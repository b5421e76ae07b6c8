import fastifyRateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { ContainerDnsError } from '../errors.js'
import { prometheusText } from '../prometheus/prometheus-text.js'
import { openRecords } from '../publish/open-records.js'
import type { Principal } from './access.js'
import { allRoutes, noSuchMethod, otherMethods } from './all-routes.js'
import { Audit } from './audit.js'
import { Authentication } from './authentication.js'
import { describeRoutes } from './openapi.js'
import { type ApiOptions, type ParsedApiOptions, parseApiOptions } from './options.js'
import { textOf } from './origin-texts.js'
import { isOurs, PROBLEM_TYPE, type Problem, problem, problemOf } from './problem.js'
import type { Call, Reply, Route } from './route.js'
import type { Source } from './source.js'
import { Tokens } from './tokens.js'
import { type RequestPart, RequestValidation } from './validation.js'

/**
 * The API as a plugin of Fastify 5: `app.register(containerDnsApi, { server, tokens })`, also with a `prefix`. What it sets
 * (parsers, checks, limits, errors) holds for its own routes alone.
 *
 * Rejects with CDNS_OPTION_…, CDNS_TOKENS_INVALID, and with `store` its codes.
 */
export async function containerDnsApi(app: FastifyInstance, options: ApiOptions): Promise<void> {
  await registerApi(app, parseApiOptions(options), () => true)
}

/** Everything the API is, in one Fastify instance. `isOpen` is false as soon as it is about to stop. */
export async function registerApi(
  app: FastifyInstance,
  options: ParsedApiOptions,
  isOpen: () => boolean,
): Promise<{ reopenLogs(): void }> {
  const { logger, bulkLimit, server, ui, reload } = options
  const metrics = options.metrics ?? (server && (() => prometheusText(server.stats())))
  const tokens = options.tokens === undefined ? undefined : await Tokens.open(options.tokens, logger)
  const opened = await openSource(options).catch((error: unknown) => {
    tokens?.close()
    throw error
  })
  const audit = new Audit(logger, options.onAudit, options.auditFile)
  app.addHook('onClose', async () => {
    tokens?.close()
    await opened.close()
    await audit.close()
  })
  await audit.opened()
  const routes = allRoutes({ source: opened.source, audit, isOpen, metrics, bulkLimit, ui, reload })
  await setUp(app, options)
  const surface = new Surface(app, new Authentication(tokens, options.queryToken), options)
  for (const route of routes) surface.add(route)
  for (const { path, methods, allowed } of otherMethods(routes)) surface.addOthers(path, methods, allowed)
  surface.addDocument(routes)
  return { reopenLogs: () => audit.reopen() }
}

async function openSource(options: ParsedApiOptions): Promise<{ source: Source; close: () => Promise<void> }> {
  const { server, store, zones, views, defaultTtl, logger } = options
  if (server !== undefined) return { source: server, close: async () => {} }
  const loaderFile = options.workerFiles.loader
  const { names, clients } = views
  const named = { store: store!, zones, views: names, viewClients: clients }
  const opened = await openRecords({ ...named, defaultTtl, loaderFile, logger })
  return { source: opened, close: () => opened.close() }
}

async function setUp(app: FastifyInstance, { requestsPerSecond, bodyLimitBytes }: ParsedApiOptions): Promise<void> {
  const validation = new RequestValidation()
  app.setValidatorCompiler(({ schema, httpPart }) => {
    const validate = validation.compile(httpPart as RequestPart, schema as Route['schema']['response'][string])
    return (value: unknown) => validate(value)
  })
  app.setSerializerCompiler(() => JSON.stringify)
  app.removeAllContentTypeParsers()
  const parseJson = app.getDefaultJsonParser('error', 'error')
  app.addContentTypeParser(
    /^application\/(?:merge-patch\+)?json\b/,
    { parseAs: 'string', bodyLimit: bodyLimitBytes },
    (request, body, done) => {
      // curl sends the type with every request of a script, with a body or without.
      if (body === '') done(null, undefined)
      else parseJson(request, body as string, done)
    },
  )
  // A host that limits its clients already has its own way.
  if (app.hasDecorator('rateLimit')) return
  await app.register(fastifyRateLimit, {
    ...{ max: requestsPerSecond, timeWindow: 1000, skipOnError: true },
    addHeaders: { 'x-ratelimit-limit': false, 'x-ratelimit-remaining': false, 'x-ratelimit-reset': false },
    addHeadersOnExceeding: { 'x-ratelimit-limit': false, 'x-ratelimit-remaining': false, 'x-ratelimit-reset': false },
    errorResponseBuilder: () =>
      new ContainerDnsError('CDNS_RATE_LIMITED', `more than ${requestsPerSecond} requests a second`),
  })
}

/** Routes as Fastify has them. */
class Surface {
  readonly #app: FastifyInstance
  readonly #authentication: Authentication
  readonly #options: ParsedApiOptions
  /** Who has sent what is being answered. */
  readonly #principals = new WeakMap<FastifyRequest, Principal>()

  constructor(app: FastifyInstance, authentication: Authentication, options: ParsedApiOptions) {
    this.#app = app
    this.#authentication = authentication
    this.#options = options
  }

  add(route: Route): void {
    const { method, path, schema } = route
    this.#app.route({
      ...{ method, url: path, bodyLimit: this.#options.bodyLimitBytes },
      schema: requestSchema(schema),
      // After onRequest, where requests are counted, and before anything of a body is read: whoever tries tokens is held up, too.
      preParsing: (request) => this.#authenticate(route.access, request),
      errorHandler: (error, request, reply) => this.#sendError(route.errors ?? 'problem', error, request, reply),
      handler: async (request, reply) => send(reply, await route.handle(this.#callOf(request))),
    })
  }

  /** Methods that a path has not. */
  addOthers(path: string, methods: readonly string[], allowed: string): void {
    if (methods.length === 0) return
    this.#app.route({
      ...{ method: [...methods], url: path },
      preParsing: async (request, reply) => {
        await this.#authenticate('any', request)
        reply.header('allow', allowed)
        noSuchMethod(request.method, path)
      },
      errorHandler: (error, request, reply) => {
        if ((error as { code?: unknown }).code !== 'CDNS_NOT_FOUND') this.#sendError('problem', error, request, reply)
        else
          reply
            .code(405)
            .type(PROBLEM_TYPE)
            .send(JSON.stringify(problem(405, 'CDNS_NOT_FOUND', error.message)))
      },
      handler: () => undefined,
    })
  }

  /** Made when it is first asked for. */
  addDocument(routes: readonly Route[]): void {
    let document: Promise<object> | undefined
    const path = '/v1/openapi.json'
    this.#app.get(path, async (_, reply) => {
      document ??= describeRoutes(routes)
      return send(reply, { status: 200, body: await document })
    })
    this.addOthers(path, ['PUT', 'PATCH', 'POST', 'DELETE'], 'GET')
  }

  async #authenticate(access: Route['access'], request: FastifyRequest): Promise<void> {
    const { token } = request.query as { token?: unknown }
    const { localAddress } = request.raw.socket
    const { authorization, host, origin } = request.headers
    const credentials = { authorization, host, origin, queryToken: token, localAddress }
    const principal = await this.#authentication.principalFor(access, credentials)
    this.#principals.set(request, principal)
  }

  #callOf(request: FastifyRequest): Call {
    return {
      principal: this.#principals.get(request)!,
      client: request.ip,
      params: request.params as Record<string, string>,
      query: request.query as Record<string, unknown>,
      body: request.body,
      header: (name) => request.headers[name]?.toString(),
    }
  }

  #sendError(style: NonNullable<Route['errors']>, error: Error, request: FastifyRequest, reply: FastifyReply): void {
    const found = problemIn(error)
    const { method, url, ip } = request
    const { logger } = this.#options
    // The query may hold a token.
    const what = { method, path: url.split('?')[0], client: ip, code: found.code }
    if (found.status === 500) logger.error({ ...what, err: error }, 'a request to the API has failed')
    else if (found.status === 401 || found.status === 403) logger.warn(what, `refused: ${found.detail}`)
    if (found.status === 401) reply.header('www-authenticate', 'Bearer')
    reply.code(found.status)
    if (style === 'origin') reply.type('text/plain; charset=utf-8').send(`${textOf(found)}\n`)
    else reply.type(PROBLEM_TYPE).send(JSON.stringify(found))
  }
}

/** What a request may hold; a response is what the handler makes it, and tests hold it against its schema. */
function requestSchema({ params, querystring, body }: Route['schema']): object {
  return {
    ...(params === undefined ? {} : { params }),
    ...(querystring === undefined ? {} : { querystring: withToken(querystring) }),
    ...(body === undefined ? {} : { body }),
  }
}

/** `?token=` has been looked at by then. */
function withToken(schema: Route['schema']['response'][string]): object {
  const { propertyNames } = schema as { propertyNames?: { enum: readonly string[] } }
  return propertyNames === undefined ? schema : { ...schema, propertyNames: { enum: [...propertyNames.enum, 'token'] } }
}

/** Fastify's own faults of a request, and ours. */
function problemIn(error: Error): Problem {
  const cause = isOurs(error) ? error : (error as { validation?: unknown; cause?: unknown }).cause
  if (isOurs(cause)) return problemOf(cause)
  const { statusCode = 500 } = error as { statusCode?: number }
  if (statusCode < 400 || statusCode > 499) return problemOf(error)
  return problem(statusCode, 'CDNS_REQUEST_INVALID', error.message)
}

function send(reply: FastifyReply, { status, body, headers = {} }: Reply): FastifyReply {
  reply.code(status).headers(headers)
  if (body === undefined) return reply.send()
  if (typeof body === 'string' || body instanceof Uint8Array) return reply.send(body)
  return reply.type('application/json; charset=utf-8').send(JSON.stringify(body))
}
