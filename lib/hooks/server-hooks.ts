import { ContainerDnsError } from '../errors.js'
import type { HealthChange } from '../health/health.js'
import type { Logger } from '../log.js'
import type { AddressHealth } from '../query/query-context.js'
import { healthOf } from './backends.js'
import { FaultReports } from './fault-reports.js'
import { FunctionHooks, type HookTask } from './function-hooks.js'
import type { QueryHook } from './hooks.js'
import { MAX_MODULE_DEATHS, ModuleWatch } from './module-guard.js'
import type { ParsedHooks } from './options.js'
import { ThreadHooks } from './thread-hooks.js'

export interface ServerHooksOptions {
  readonly hooks: ParsedHooks
  readonly timeoutMs: number
  readonly threads: number
  /** The names of views, by their numbers. */
  readonly views: readonly string[]
  readonly logger: Logger
  /** Modules are off from now on. */
  readonly onOff: (cause: Error) => void
}

/** The hooks of one server, as its main thread has them. */
export class ServerHooks {
  readonly #options: ServerHooksOptions
  readonly #functions: FunctionHooks
  readonly #modules: ModuleWatch
  readonly #faults: FaultReports

  constructor(options: ServerHooksOptions) {
    this.#options = options
    this.#faults = new FaultReports((hook, error) => this.onFault(hook, error))
    this.#functions = new FunctionHooks(options.hooks.functions, options.timeoutMs, options.views, this.#faults)
    this.#modules = new ModuleWatch(options.threads)
  }

  /** For the next life of a thread; undefined where it has nothing to do with hooks. `wake` ends its wait for datagrams. */
  taskFor(thread: number, mustImport: boolean, wake: () => void): HookTask | undefined {
    const { hooks, views } = this.#options
    const modules = this.#modules.isOff ? {} : hooks.modules
    const parking = this.#functions.open(thread, wake)
    if (parking === undefined && Object.keys(modules).length === 0) return undefined
    const guard = this.#modules.memory
    return { modules, mustImport, guard, views, ...(parking === undefined ? {} : { parking }) }
  }

  /** For queries of the host's own, which are answered on its thread: functions are called on the spot. Modules run in their threads only. */
  forMainThread(counters: Uint32Array, health: AddressHealth): ThreadHooks | undefined {
    const { hooks, views } = this.#options
    const { selectBackend, onQuery, onResponse } = hooks.functions
    if (selectBackend === undefined && onQuery === undefined && onResponse === undefined) return undefined
    const faults = this.#faults
    return new ThreadHooks({ calls: hooks.functions, healthOf: healthOf(health), views, counters, faults })
  }

  onDeath(thread: number): void {
    this.#functions.onDeath(thread)
    if (!this.#modules.onDeath(thread)) return
    const message = `modules of hooks have cost ${MAX_MODULE_DEATHS} threads, and are off`
    const error = new ContainerDnsError('CDNS_HOOKS_OFF', message)
    this.#options.logger.error({ err: error }, 'hooks from modules are off')
    this.#options.onOff(error)
  }

  onFault(hook: QueryHook | string, error: unknown): void {
    this.#options.logger.warn({ hook, err: error }, 'a hook has failed, and its query was answered without it')
  }

  /** To be called for each change of an address' health. */
  onHealthChange(change: HealthChange): void {
    this.#functions.onHealthChange(change)
  }

  close(): void {
    this.#functions.close()
  }
}
