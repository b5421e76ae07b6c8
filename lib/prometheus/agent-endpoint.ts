import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, isIP } from 'node:net'
import { type Bounds, describe, numberWithin, refuseUnknownKeys } from '../bounds.js'
import { ContainerDnsError } from '../errors.js'
import type { Scanner } from '../health/monitor/scanner.js'
import type { Scheduler } from '../health/monitor/scheduler.js'
import { guardedLogger, type Logger, silentLogger } from '../log.js'
import { HostProcess } from '../metrics/host-process.js'
import { PACKAGE_VERSION } from '../package-version.js'
import { placeText, socketError, systemNameOf } from '../transport/socket-error.js'
import { SCANNER_METRICS, SCHEDULER_METRICS } from './agent-metrics.js'
import { metricsText, PROMETHEUS_CONTENT_TYPE } from './prometheus-text.js'

export interface AgentEndpointOptions {
  agent: Scanner | Scheduler
  /** An address. Default 127.0.0.1: whoever reaches it may look. */
  host?: string
  /** Default 9153, which is that of CoreDNS's metrics; 0: any. */
  port?: number
  /** pino, or anything of its shape. Default: silent. */
  logger?: Logger
}

/** Where a scanner or scheduler says what it does. Made by `startAgentEndpoint`. */
export interface AgentEndpoint extends AsyncDisposable {
  readonly host: string
  readonly port: number
  /** `http://127.0.0.1:9153` */
  readonly url: string
  /** May be called twice. The agent goes on. */
  close(): Promise<void>
}

export const AGENT_PORT: Bounds = { default: 9153, min: 0, max: 65_535 }
/** A request here is a line and some headers. It also ends connections on which nothing happens, or nothing is read. */
const TIMEOUT_MS = 20_000
const CHECK_MS = 2_000
/** Those beyond are closed at once: probes need descriptors, too. */
const MAX_CONNECTIONS = 50
/** The loop delay is that of the last one to two of it. */
const SAMPLE_MS = 60_000

/**
 * Serves what a scanner or scheduler does, over HTTP: `/metrics` for Prometheus, and `/health` and `/ready` as the API of a server has them.
 *
 * Rejects with CDNS_OPTION_…, CDNS_PORT_IN_USE, CDNS_ADDRESS_UNAVAILABLE, CDNS_PERMISSION_DENIED.
 */
export async function startAgentEndpoint(options: AgentEndpointOptions): Promise<AgentEndpoint> {
  const { agent, logger, ...where } = parseEndpoint(options)
  const process = new HostProcess()
  const server = createServer(
    { headersTimeout: TIMEOUT_MS, requestTimeout: TIMEOUT_MS, connectionsCheckingInterval: CHECK_MS },
    (request, response) => {
      answer(request, response, agent, process).catch(({ message }: Error) =>
        send(response, 500, JSON_TYPE, JSON.stringify({ error: message })),
      )
    },
  )
  server.maxConnections = MAX_CONNECTIONS
  server.setTimeout(TIMEOUT_MS)
  try {
    await listen(server, where)
  } catch (cause) {
    process.stop()
    throw socketError(where, systemNameOf(cause), cause)
  }
  // The agent is more than its figures.
  server.on('error', (err) => logger.warn({ err }, 'a connection to the endpoint could not be taken'))
  const timer = setInterval(() => process.sample(), SAMPLE_MS).unref()
  const { address: host, port } = server.address() as AddressInfo
  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= new Promise((resolve) => {
      clearInterval(timer)
      process.stop()
      server.close(() => resolve())
      server.closeAllConnections()
    })
    return closing
  }
  return { host, port, url: `http://${placeText({ host, port })}`, close, [Symbol.asyncDispose]: close }
}

function parseEndpoint(options: AgentEndpointOptions) {
  refuseUnknownKeys('the options of the endpoint', options, ['agent', 'host', 'port', 'logger'])
  const { agent, host = '127.0.0.1', port, logger = silentLogger } = options
  if (typeof host !== 'string' || isIP(host) === 0) {
    const wanted = 'an IPv4 or IPv6 address'
    throw new ContainerDnsError('CDNS_OPTION_INVALID', `host must be ${wanted}, got ${describe(host)}`)
  }
  return { agent, host, port: numberWithin('port', port, AGENT_PORT), logger: guardedLogger(logger) }
}

async function listen(server: Server, where: { readonly host: string; readonly port: number }): Promise<void> {
  server.listen(where)
  await once(server, 'listening')
}

const JSON_TYPE = 'application/json; charset=utf-8'

async function answer(
  { url = '', method }: IncomingMessage,
  response: ServerResponse,
  agent: Scanner | Scheduler,
  process: HostProcess,
): Promise<void> {
  const path = url.split('?')[0]
  if (method !== 'GET' && method !== 'HEAD') send(response, 405, JSON_TYPE, '{"error":"GET and HEAD alone"}')
  else if (path === '/health') send(response, 200, JSON_TYPE, '{"alive":true}')
  else if (path === '/ready') {
    const { ready } = agent
    send(response, ready ? 200 : 503, JSON_TYPE, JSON.stringify({ ready }))
  } else if (path === '/metrics') send(response, 200, PROMETHEUS_CONTENT_TYPE, await textOf(agent, process))
  else send(response, 404, JSON_TYPE, '{"error":"there are /metrics, /health and /ready"}')
}

/** Node leaves the body of a HEAD out by itself. */
function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, {
    ...{ 'content-type': type, 'content-length': Buffer.byteLength(body), 'cache-control': 'no-store' },
    ...(status === 405 && { allow: 'GET, HEAD' }),
  })
  response.end(body)
}

function textOf(agent: Scanner | Scheduler, process: HostProcess): Promise<string> {
  const figures = { version: PACKAGE_VERSION, ready: agent.ready, host: process.read() }
  if ('status' in agent) {
    const scanner = agent.status()
    return metricsText(SCANNER_METRICS, { ...figures, scanner, health: { probes: scanner } })
  }
  const { isLeader, agents, alerts } = agent
  return metricsText(SCHEDULER_METRICS, { ...figures, scheduler: { isLeader, agents }, health: { alerts } })
}
