import type { Clock } from '../clock.js'
import type { ThreadPlan } from '../cluster/supervised-thread.js'
import { Supervisor } from '../cluster/supervisor.js'
import { type AnsweringOf, exportPlan, threadPlans } from '../cluster/thread-plans.js'
import type { ContainerDns } from '../container-dns.js'
import type { QueryExport } from '../export/query-export.js'
import type { ForwardStats, ServerForwarding } from '../forward/server-forwarding.js'
import type { HealthTable } from '../health/health-table.js'
import type { ServerHooks } from '../hooks/server-hooks.js'
import type { Measurements } from '../metrics/measurements.js'
import type { ParsedOptions } from '../options.js'
import type { RecordIndexWriter } from '../record-index/record-index-writer.js'
import type { ServerSockets } from '../transport/open-sockets.js'
import type { AnswerPolicies } from './answer-policies.js'

/** What threads are given, and who hears of what becomes of them. */
export interface ThreadParts {
  readonly clock: Clock
  readonly sockets: ServerSockets
  /** How many there are, but for the one that exports queries. */
  readonly threads: number
  readonly index: RecordIndexWriter
  readonly healthTable: HealthTable
  readonly policies: AnswerPolicies
  readonly hooks: ServerHooks
  readonly forwarding: ServerForwarding | undefined
  readonly export: QueryExport | undefined
  readonly counterRows: SharedArrayBuffer
  readonly measurements: Measurements
}

type Server = Pick<ContainerDns, 'emit' | 'ready'>

/** The threads of a server, not running yet. */
export function createSupervisor(parts: ThreadParts, server: Server, options: ParsedOptions): Supervisor {
  const { hooks, forwarding } = parts
  const { logger } = options
  return new Supervisor({
    plans: plansOf(parts, server, options),
    onExportState: (sink, failure) => parts.export?.onState(sink, failure),
    onExported: (exported) => parts.export?.onQueries(exported),
    onDeath: (thread) => onDeath(parts, thread),
    onHookFault: (hook, error) => hooks.onFault(hook, error),
    onHooksLost: (error) => server.emit('error', error),
    onForwardStats: (stats) => forwarding?.onStats(stats as Omit<ForwardStats, 'cache'>),
    onRestart: (restart) => server.emit('workerRestart', restart),
    onError: (error) => server.emit('error', error),
    onCertificate: (file, failure) => {
      if (failure === undefined) {
        logger.info({ file }, 'a certificate has been replaced')
        return
      }
      logger.error({ file, err: failure }, 'a certificate is broken, the one before stays')
      server.emit('error', failure)
    },
    logger,
    clock: parts.clock,
  })
}

function plansOf(parts: ThreadParts, server: Server, options: ParsedOptions): ThreadPlan[] {
  const { sockets, forwarding, export: queries } = parts
  const forwarder = forwarding && (() => forwarding.forwarderTask())
  const plans = threadPlans(sockets, options, (thread) => answeringOf(parts, server, thread), forwarder)
  if (queries !== undefined) {
    const handle = () => queries.handle(!server.ready)
    plans.push(exportPlan(options, { handle, end: () => queries.end() }))
  }
  return plans
}

function answeringOf(parts: ThreadParts, server: Server, thread: number): ReturnType<AnsweringOf> {
  const { datagrams } = parts.sockets
  const wake = thread < datagrams.threads ? () => datagrams.wake(thread) : () => {}
  const hooks = parts.hooks.taskFor(thread, !server.ready, wake)
  const forwarding = thread === parts.forwarding?.thread ? undefined : parts.forwarding?.taskFor(thread)
  return {
    ...parts.policies.current,
    counters: parts.counterRows,
    meter: parts.measurements.handle(thread),
    index: parts.index.handle(thread),
    health: parts.healthTable.handle(thread),
    ...(hooks === undefined ? {} : { hooks }),
    ...(forwarding === undefined ? {} : { forwarding }),
    ...(parts.export === undefined ? {} : { tap: parts.export.tapFor(thread) }),
  }
}

function onDeath(parts: ThreadParts, thread: number): void {
  // The one that exports queries reads neither of the two tables.
  if (thread === parts.threads) {
    parts.export?.onDeath()
    return
  }
  parts.index.releaseReader(thread)
  parts.healthTable.release(thread)
  parts.hooks.onDeath(thread)
  parts.forwarding?.onDeath(thread)
}
