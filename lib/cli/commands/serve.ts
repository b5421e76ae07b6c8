import { type Command, Option } from 'commander'
import type { Logger as Pino } from 'pino'
import type { RunningApi } from '../../api/start-api.js'
import type { Config } from '../../config/config.js'
import type { ContainerDns } from '../../container-dns.js'
import type { CounterTotals } from '../../metrics/counter-totals.js'
import { DEFAULT_ZONES, TRANSPORTS } from '../../options.js'
import { prometheusText } from '../../prometheus/prometheus-text.js'
import { createContainerDns } from '../../server.js'
import { openStore } from '../config-store.js'
import type { Hints } from '../error-text.js'
import { faultsOfStart } from '../faults-of-start.js'
import { type Log, openLog } from '../logger.js'
import { notifySystemd } from '../notify-systemd.js'
import { exitCodeOf } from '../outcome.js'
import { questionToTry } from '../question-to-try.js'
import { ServedConfig } from '../reload-config.js'
import { sayWhy } from '../say-why.js'
import { collect, collectListen, collectPath, parseListen, wholeNumber } from './arguments.js'
import { withLogOptions } from './log-options.js'
import { readServeConfig, readServeLogFormat, type ServeFlags } from './serve-config.js'

const EXAMPLES = `
Examples:
  containerdns serve
      answers on 127.0.0.1:5300 for containerdns.local, from an empty store in memory
  containerdns serve --config /etc/containerdns/containerdns.yaml
      everything there is to say: docs/configuration.md; "containerdns check FILE" tests one
  containerdns serve --listen 0.0.0.0:53 --zone cluster.local --etcd http://10.0.0.2:2379,http://10.0.0.3:2379
  containerdns serve --listen 0.0.0.0:53 --kubernetes --forward 10.0.0.2:53
      in a pod: the cluster's own DNS, with the rights of its service account
  containerdns serve --records records.json
      records.json: [{ "name": "www.containerdns.local", "type": "A", "data": ["192.0.2.1", "192.0.2.2"] }]
  containerdns serve --zone example.org --zone-file example.org.zone --hosts-file /etc/hosts
  containerdns serve --zone example.org --forward 192.0.2.53 --forward 192.0.2.54 --forward-zone corp.example=10.1.0.53
      asks the first for names outside of example.org, and the second where that does not answer; corp.example is another server's
  containerdns serve --api
      with the REST API on 127.0.0.1:9003, for "containerdns record", "stats" and so on

A flag counts more than the environment (CONTAINERDNS_…), and that more than the file.

Signals:
  SIGTERM, SIGINT   go on answering for --drain milliseconds, then stop
  SIGHUP            read the config and the files of records again, where a fault changes nothing, and open the files of logs anew`

/** `containerdns serve`: a server in the foreground. */
export function addServeCommand(program: Command): void {
  const command = program
    .command('serve')
    .description('answer DNS queries')
    .option('-c, --config <file>', 'YAML or JSON with everything there is to say (docs/configuration.md)')
    .addOption(new Option('--config-file <file>', 'the same, as a file of ContainerDNS (INI)').conflicts('config'))
    .option(
      '-l, --listen <address...>',
      'where to answer: HOST:PORT, [IPV6]:PORT, HOST or PORT (default: 127.0.0.1:5300); may be given again',
      collectListen,
    )
    .option('--share', 'answer beside another server on the same addresses, for a hot restart')
    .option('-z, --zone <names...>', 'zones to answer for, with commas between (default: containerdns.local)', collect)
    .option('-e, --etcd <urls...>', 'etcd endpoints, with commas between', collect)
    .option('--etcd-prefix <prefix>', 'where the records stand in etcd (default: /containerdns/)')
    .option('--snapshot <file>', 'what is known of etcd, for a start while it is down')
    .option(
      '-k, --kubernetes [kubeconfig]',
      'the names of a Kubernetes cluster; the first of --zone is its domain (default: cluster.local)',
    )
    .option('-r, --records <file>', 'a JSON array of RRsets; not together with --etcd')
    .option('--zone-file <file>', 'a zone file (RFC 1035); may be given again; not together with --etcd', collectPath)
    .option(
      '--hosts-file <file>',
      'a file such as /etc/hosts; may be given again; not together with --etcd',
      collectPath,
    )
    .option(
      '-f, --forward <address...>',
      'an upstream for names outside the zones: ADDRESS or ADDRESS:PORT; may be given again',
      collectPath,
    )
    .option(
      '--forward-zone <zone=address...>',
      'a zone that another server has; the same zone again adds an upstream',
      collectPath,
    )
    .option('-w, --workers <count>', 'DNS threads (default: one for each core)', wholeNumber)
    .addOption(new Option('-t, --transport <kind>', 'how to move datagrams (default: auto)').choices(TRANSPORTS))
    .option('--api [address]', 'the REST API beside it (default: 127.0.0.1:9003, for this host alone)', parseListen)
    .option('--api-tokens <file>', 'who may do what over the API (docs/api.md)')
    .option('--drain <ms>', 'how long to go on answering after SIGTERM (default: 0)', wholeNumber)
  withLogOptions(command).addHelpText('after', EXAMPLES).action(serve)
}

const HINTS: Hints = {
  CDNS_PORT_IN_USE: '--listen HOST:PORT takes another, and --api HOST:PORT for the API',
  CDNS_API_UNPROTECTED: '--api-tokens FILE says who may do what',
  CDNS_KUBECONFIG_INVALID: '--kubernetes FILE and $KUBECONFIG say where a cluster is',
}

/** What runs until a signal ends it. */
interface Serving {
  readonly dns: ContainerDns
  readonly api: RunningApi | undefined
  readonly served: ServedConfig
}

async function serve(flags: ServeFlags): Promise<void> {
  let log = openLog({ level: flags.logLevel ?? 'info', format: await readServeLogFormat(flags, process.env) })
  try {
    const config = await readServeConfig(flags, process.env)
    log = openLog(config.log)
    const { logger } = log
    logIgnored(config, logger)
    const serving = await start(config, flags, logger)
    // First: whoever reads that we answer may send one at once, and SIGHUP would end us.
    handleSignals(serving, log)
    notifySystemd(logger)
    await announce(serving, logger)
  } catch (failure) {
    const error = await faultsOfStart(failure as Error, flags, () => readServeConfig(flags, process.env, true))
    sayWhy(error, 'could not start', log, HINTS)
    process.exitCode = exitCodeOf(error)
  }
}

async function start(config: Config, flags: ServeFlags, logger: Pino): Promise<Serving> {
  const { store, files } = openStore(config.store)
  const dns = await createContainerDns({ ...config.options, store, logger })
  const read = () => readServeConfig(flags, process.env)
  const served = new ServedConfig({ dns, files, config, read, logger })
  try {
    return { dns, served, api: await startApiFor(dns, served, logger) }
  } catch (error) {
    await dns.close()
    throw error
  }
}

/** Fastify is loaded where it is needed. */
async function startApiFor(dns: ContainerDns, served: ServedConfig, logger: Pino): Promise<RunningApi | undefined> {
  const { api } = served.config
  if (api === undefined) return undefined
  const { startApi } = await import('../../api/start-api.js')
  const metrics = () => prometheusText(dns.stats())
  return startApi({ ...api, server: dns, logger, metrics, reload: () => served.reload() })
}

export function logIgnored({ ignored }: Config, logger: Pino): void {
  for (const each of ignored) logger.warn({}, each)
}

async function announce({ dns, api, served }: Serving, logger: Pino): Promise<void> {
  const { index, transport, store } = dns.stats()
  logger.info(
    {
      addresses: dns.addresses,
      names: index.names,
      transport: transport.kind,
      store: store.kind,
      ...(api && { api: api.url }),
    },
    'answering',
  )
  const { host, port } = dns.addresses[0]!
  const asked = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  const { zones = DEFAULT_ZONES } = served.config.options
  const { question, outside } = await questionToTry(
    zones.map((zone) => (typeof zone === 'string' ? zone : zone.name)),
    dns.records.list(),
  )
  if (outside !== undefined) {
    const { names, example } = outside
    logger.warn(
      { zones, outside: names, example },
      'none of the names in the store lies in a zone; queries for them are refused',
    )
  }
  process.stdout.write(`try: dig @${asked} -p ${port} ${question}\n`)
}

/** What a server has counted, as far as that is anything. */
function workDone({ queries, responses, dropped, ...others }: CounterTotals): object {
  const more = Object.fromEntries(Object.entries(others).filter(([, count]) => count > 0))
  return { queries, responses, dropped, ...(Object.keys(more).length > 0 && { counters: more }) }
}

function handleSignals({ dns, api, served }: Serving, log: Log): void {
  const { logger } = log
  const stop = (signal: NodeJS.Signals) => {
    const { drainMs } = served.config
    logger.info({ signal, drainMs }, 'stopping')
    process.off('SIGHUP', reload)
    Promise.all([api?.close({ drainMs }), dns.close({ drainMs })]).then(
      () => logger.info(workDone(dns.stats().counters), 'stopped'),
      (error: Error) => logger.error({ err: error }, 'did not stop cleanly'),
    )
  }
  const reload = () => {
    // logrotate has moved the files, and sends this.
    log.reopen()
    dns.reopenLogs()
    api?.reopenLogs()
    // The log has said why.
    served.reload().catch(() => {})
  }
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
  process.on('SIGHUP', reload)
}
