import { readFile } from 'node:fs/promises'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { LOG_LEVELS } from '../../config/log-levels.js'
import { type OriginMonitorConfig, readScannerConfig, readSchedulerConfig } from '../../config/origin/origin-monitor.js'
import type { AlertsOptions } from '../../health/alerts/options.js'
import type { MonitorOptions, QuorumOptions, ScannerOptions } from '../../health/monitor/options.js'
import { startScanner } from '../../health/monitor/start-scanner.js'
import { startScheduler } from '../../health/monitor/start-scheduler.js'
import { YamlDocument } from '../../yaml-document.js'
import { createLogger } from '../logger.js'
import { exitCodeOfOptions, UsageError } from '../outcome.js'

type ProbeFlags = NonNullable<ScannerOptions['probes']>

interface MonitorFlags {
  etcd?: string[]
  configFile?: string
  prefix?: string
  name?: string
  lease?: number
  logLevel?: string
}

interface SchedulerFlags extends MonitorFlags {
  quorum?: QuorumOptions
  alerts?: string
}

interface ScannerFlags extends MonitorFlags {
  ports?: number[]
  icmp: boolean
  interval?: number
  timeout?: number
  rise?: number
  fall?: number
}

/** `containerdns scanner` and `containerdns scheduler`: the health of addresses in etcd, in the foreground until SIGTERM or SIGINT. */
export function addMonitorCommands(program: Command): void {
  addCommonOptions(program.command('scanner').description('probe the addresses that have a status in etcd'))
    .option('-p, --ports <ports>', 'TCP ports for addresses that name none, with commas between', collectPorts)
    .option('--icmp', 'send ICMP echo requests instead of connecting', false)
    .option('--interval <ms>', 'from one probe of an address to the next', wholeNumber)
    .option('--timeout <ms>', 'how long a probe may take', wholeNumber)
    .option('--rise <probes>', 'successes until an address is up', wholeNumber)
    .option('--fall <probes>', 'failures until an address is down', wholeNumber)
    .action((flags: ScannerFlags) =>
      runUntilSignal(flags, readScannerConfig, startScanner, { probes: probesOf(flags) }),
    )
  addCommonOptions(program.command('scheduler').description('say which scanners share the addresses'))
    .option('--quorum <down/scanners>', 'such as 2/3: each address is probed by 3, and down when 2 say so', parseQuorum)
    .option('--alerts <file>', 'whom to tell when addresses go down: YAML, as health.alerts of a config')
    .action(async ({ quorum, alerts, ...flags }: SchedulerFlags) =>
      runUntilSignal(flags, readSchedulerConfig, startScheduler, {
        ...(quorum && { quorum }),
        ...(alerts !== undefined && { alerts: await readAlerts(alerts) }),
      }),
    )
}

function addCommonOptions(command: Command): Command {
  return command
    .option('-e, --etcd <urls>', 'etcd endpoints, with commas between', (text) => text.split(','))
    .option('--config-file <file>', 'its file of ContainerDNS; what else is given here counts more')
    .option('--prefix <prefix>', 'where the keys of monitoring are (default: /containerdns/monitor/)')
    .option('--name <name>', "what it is called (default: the host's name)")
    .option('--lease <seconds>', 'how long it counts as alive without a word', wholeNumber)
    .addOption(new Option('--log-level <level>', 'how much to log').choices(LOG_LEVELS))
}

function probesOf({ ports, icmp, interval, timeout, rise, fall }: ScannerFlags): ProbeFlags {
  return {
    ...(icmp && { check: { type: 'icmp' } }),
    ...(ports && { check: { type: 'tcp', ports } }),
    ...(interval !== undefined && { intervalMs: interval }),
    ...(timeout !== undefined && { timeoutMs: timeout }),
    ...(rise !== undefined && { rise }),
    ...(fall !== undefined && { fall }),
  }
}

/** Options of `health.alerts`, in a file of their own: there are secrets among them. */
async function readAlerts(file: string): Promise<AlertsOptions> {
  try {
    return new YamlDocument(file, await readFile(file, 'utf8'), 'CDNS_CONFIG_INVALID').value as AlertsOptions
  } catch (error) {
    throw new UsageError(`--alerts: ${(error as Error).message}`)
  }
}

async function runUntilSignal<Options extends MonitorOptions & { probes?: ProbeFlags }>(
  flags: MonitorFlags,
  read: (file: string) => Promise<OriginMonitorConfig<Options>>,
  start: (options: Options) => Promise<{ close(): Promise<void> }>,
  own: Partial<Options>,
): Promise<void> {
  const { etcd, configFile, prefix, name, lease, logLevel } = flags
  if (etcd === undefined && configFile === undefined) throw new UsageError('--etcd or --config-file must be given')
  let logger = createLogger(logLevel ?? 'info')
  try {
    const config = configFile === undefined ? undefined : await read(configFile)
    logger = createLogger(logLevel ?? config?.logLevel ?? 'info')
    for (const each of config?.ignored ?? []) logger.warn({}, each)
    const probes = { ...config?.options.probes, ...own.probes }
    const running = await start({
      ...config?.options,
      ...own,
      ...(Object.keys(probes).length > 0 && { probes }),
      ...(etcd !== undefined && { etcd: { hosts: etcd } }),
      ...(prefix !== undefined && { prefix }),
      ...(name !== undefined && { name }),
      ...(lease !== undefined && { leaseSeconds: lease }),
      logger,
    } as unknown as Options)
    logger.info({}, 'running')
    const stop = () => void running.close().then(() => logger.info({}, 'stopped'))
    process.once('SIGTERM', stop)
    process.once('SIGINT', stop)
  } catch (error) {
    logger.error({ code: (error as { code?: unknown }).code }, (error as Error).message)
    process.exitCode = exitCodeOfOptions(error, configFile !== undefined)
  }
}

function collectPorts(text: string): number[] {
  return text.split(',').map(wholeNumber)
}

function parseQuorum(text: string): QuorumOptions {
  const match = /^(\d{1,2})\/(\d{1,2})$/.exec(text)
  if (match === null) throw new InvalidArgumentError('It must be like 2/3.')
  return { agents: Number(match[2]), down: Number(match[1]) }
}

function wholeNumber(text: string): number {
  if (/^\d+$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number.')
}
