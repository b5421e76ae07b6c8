import { type Command, Option } from 'commander'
import type { Logger as Pino } from 'pino'
import { type RunningApi, startApi } from '../../api/start-api.js'
import type { Config } from '../../config/config.js'
import { readConfig, readLogFormat } from '../../config/config-file.js'
import type { ListenOptions } from '../../transport/options.js'
import { openStore } from '../config-store.js'
import type { Hints } from '../error-text.js'
import { faultsOfStart } from '../faults-of-start.js'
import { type Log, openLog } from '../logger.js'
import { notifySystemd } from '../notify-systemd.js'
import { exitCodeOf } from '../outcome.js'
import { sayWhy } from '../say-why.js'
import { collect, parseListen, wholeNumber } from './arguments.js'
import { type LogFlags, logOf, withLogOptions } from './log-options.js'
import { logIgnored } from './serve.js'

interface ApiFlags extends LogFlags {
  readonly config?: string
  readonly configFile?: string
  readonly listen?: ListenOptions
  readonly tokens?: string
  readonly zone?: string[]
  readonly etcd?: string[]
  readonly etcdPrefix?: string
  readonly drain?: number
}

const EXAMPLES = `
Examples:
  containerdns api --etcd http://10.0.0.2:2379 --zone cluster.local --listen 0.0.0.0:9003 --tokens tokens.yaml
  containerdns api --config containerdns.yaml
      the file of the servers beside it: zones, views, defaultTtl, store, api and log count
  containerdns api --config-file /etc/containerdns/containerdns-api.conf
      the file of containerdns-kubeapi; its token is an admin's

Signals:
  SIGTERM, SIGINT   go on answering for --drain milliseconds, then stop
  SIGHUP            open the files of logs anew; the file of tokens is read again by itself when it changes`

/** `containerdns api`: the REST API without a server, on the etcd that servers elsewhere answer from. */
export function addApiCommand(program: Command): void {
  const command = program
    .command('api')
    .description('serve the REST API in a process of its own, on the etcd of the servers')
    .option('-c, --config <file>', 'YAML or JSON, as of the servers')
    .addOption(
      new Option('--config-file <file>', 'the same, as a file of containerdns-kubeapi (INI)').conflicts('config'),
    )
    .option('-l, --listen <address>', 'HOST:PORT (default: 127.0.0.1:9003, for this host alone)', parseListen)
    .option('--tokens <file>', 'who may do what (docs/api.md)')
    .option('-z, --zone <names...>', 'zones, as the servers have them', collect)
    .option('-e, --etcd <urls...>', 'etcd endpoints, with commas between', collect)
    .option('--etcd-prefix <prefix>', 'where the records stand in etcd (default: /containerdns/)')
    .option('--drain <ms>', 'how long to go on answering after SIGTERM (default: 0)', wholeNumber)
  withLogOptions(command).addHelpText('after', EXAMPLES).action(api)
}

const HINTS: Hints = {
  CDNS_PORT_IN_USE: '--listen HOST:PORT takes another',
  CDNS_API_UNPROTECTED: '--tokens FILE says who may do what',
}

async function api(flags: ApiFlags): Promise<void> {
  const format = await readLogFormat({ file: flags.config, environment: process.env, flags: { log: logOf(flags) } })
  let log = openLog({ level: flags.logLevel ?? 'info', format })
  const read = (checksFiles: boolean) =>
    readConfig({
      file: flags.config,
      originFile: flags.configFile,
      originPrograms: ['containerdns-kubeapi', 'containerdns'],
      environment: process.env,
      flags: contentOf(flags),
      checksFiles,
    })
  try {
    const config = await read(false)
    log = openLog(config.log)
    const { logger } = log
    logIgnored(config, logger)
    const running = await start(config, logger)
    handleSignals(running, config.drainMs, log)
    notifySystemd(logger)
    logger.info({ url: running.url }, 'the API answers')
  } catch (failure) {
    const error = await faultsOfStart(failure as Error, flags, () => read(true))
    sayWhy(error, 'could not start', log, HINTS)
    process.exitCode = exitCodeOf(error)
  }
}

function start({ api, options, store }: Config, logger: Pino): Promise<RunningApi> {
  const { zones, views, defaultTtl } = options
  return startApi({
    ...api,
    store: openStore(store).store,
    ...(zones === undefined ? {} : { zones: zones.map((zone) => (typeof zone === 'string' ? zone : zone.name)) }),
    ...(views === undefined ? {} : { views }),
    ...(defaultTtl === undefined ? {} : { defaultTtl }),
    logger,
  })
}

function contentOf(flags: ApiFlags): object {
  const { zone, etcd, etcdPrefix, drain, listen, tokens } = flags
  const prefix = etcdPrefix === undefined ? {} : { prefix: etcdPrefix }
  const given = {
    zones: zone,
    store: etcd && { etcd: { hosts: etcd, ...prefix } },
    api: { ...(listen && { listen }), ...(tokens === undefined ? {} : { tokens: { file: tokens } }) },
    drainMs: drain,
    log: logOf(flags),
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}

function handleSignals(running: RunningApi, drainMs: number, log: Log): void {
  const { logger } = log
  const stop = (signal: NodeJS.Signals) => {
    logger.info({ signal, drainMs }, 'stopping')
    process.off('SIGHUP', reopen)
    running.close({ drainMs }).then(
      () => logger.info({}, 'stopped'),
      (error: Error) => logger.error({ err: error }, 'did not stop cleanly'),
    )
  }
  const reopen = () => {
    log.reopen()
    running.reopenLogs()
  }
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
  process.on('SIGHUP', reopen)
}
