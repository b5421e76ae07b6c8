import { type Command, Option } from 'commander'
import type { Logger as Pino } from 'pino'
import { type RunningApi, startApi } from '../../api/start-api.js'
import type { Config } from '../../config/config.js'
import { readConfig } from '../../config/config-file.js'
import { LOG_LEVELS } from '../../config/log-levels.js'
import type { ListenOptions } from '../../transport/options.js'
import { openStore } from '../config-store.js'
import { createLogger } from '../logger.js'
import { notifySystemd } from '../notify-systemd.js'
import { EXIT } from '../outcome.js'
import { sayWhy } from '../say-why.js'
import { collect, parseListen, wholeNumber } from './arguments.js'
import { logIgnored } from './serve.js'

interface ApiFlags {
  readonly config?: string
  readonly configFile?: string
  readonly listen?: ListenOptions
  readonly tokens?: string
  readonly zone?: string[]
  readonly etcd?: string[]
  readonly etcdPrefix?: string
  readonly drain?: number
  readonly logLevel?: Config['log']['level']
}

const EXAMPLES = `
Examples:
  containerdns api --etcd http://10.0.0.2:2379 --zone cluster.local --listen 0.0.0.0:9003 --tokens tokens.yaml
  containerdns api --config containerdns.yaml
      the file of the servers beside it: zones, views, defaultTtl, store, api and log count
  containerdns api --config-file /etc/containerdns/containerdns-api.conf
      the file of containerdns-kubeapi; its token is an admin's`

/** `containerdns api`: the REST API without a server, on the etcd that servers elsewhere answer from. */
export function addApiCommand(program: Command): void {
  program
    .command('api')
    .description('the REST API in a process of its own, on the etcd of the servers')
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
    .addOption(new Option('--log-level <level>', 'how much to log (default: info)').choices(LOG_LEVELS))
    .addHelpText('after', EXAMPLES)
    .action(api)
}

async function api(flags: ApiFlags): Promise<void> {
  const logger = createLogger(flags.logLevel ?? 'info')
  try {
    const config = await readConfig({
      file: flags.config,
      originFile: flags.configFile,
      originPrograms: ['containerdns-kubeapi', 'containerdns'],
      environment: process.env,
      flags: contentOf(flags),
    })
    logger.level = config.log.level
    logIgnored(config, logger)
    const running = await start(config, flags, logger)
    handleSignals(running, config.drainMs, logger)
    notifySystemd(logger)
    logger.info({ url: running.url }, 'the API answers')
  } catch (error) {
    sayWhy(error as Error, 'could not start', logger)
    process.exitCode = EXIT.failed
  }
}

function start(config: Config, { listen, tokens }: ApiFlags, logger: Pino): Promise<RunningApi> {
  const { zones, views, defaultTtl } = config.options
  return startApi({
    ...config.api,
    ...(listen === undefined
      ? {}
      : { listen: { ...config.api?.listen, ...(listen as { host?: string; port?: number }) } }),
    ...(tokens === undefined ? {} : { tokens: { file: tokens } }),
    store: openStore(config.store).store,
    ...(zones === undefined ? {} : { zones: zones.map((zone) => (typeof zone === 'string' ? zone : zone.name)) }),
    ...(views === undefined ? {} : { views }),
    ...(defaultTtl === undefined ? {} : { defaultTtl }),
    logger,
  })
}

function contentOf({ zone, etcd, etcdPrefix, drain, logLevel }: ApiFlags): object {
  const prefix = etcdPrefix === undefined ? {} : { prefix: etcdPrefix }
  return {
    ...(zone === undefined ? {} : { zones: zone }),
    ...(etcd === undefined ? {} : { store: { etcd: { hosts: etcd, ...prefix } } }),
    ...(drain === undefined ? {} : { drainMs: drain }),
    ...(logLevel === undefined ? {} : { log: { level: logLevel } }),
  }
}

function handleSignals(running: RunningApi, drainMs: number, logger: Pino): void {
  const stop = (signal: NodeJS.Signals) => {
    logger.info({ signal, drainMs }, 'stopping')
    running.close({ drainMs }).then(
      () => logger.info({}, 'stopped'),
      (error: Error) => logger.error({ err: error }, 'did not stop cleanly'),
    )
  }
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
}
