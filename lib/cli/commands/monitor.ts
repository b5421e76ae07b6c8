import { readFile } from 'node:fs/promises'
import { type Command, InvalidArgumentError } from 'commander'
import { type OriginMonitorConfig, readScannerConfig, readSchedulerConfig } from '../../config/origin/origin-monitor.js'
import type { AlertsOptions } from '../../health/alerts/options.js'
import {
  LEASE_SECONDS,
  type MonitorOptions,
  type QuorumOptions,
  SCANNED_PORTS,
  type ScannerOptions,
} from '../../health/monitor/options.js'
import type { Scanner } from '../../health/monitor/scanner.js'
import type { Scheduler } from '../../health/monitor/scheduler.js'
import { startScanner } from '../../health/monitor/start-scanner.js'
import { startScheduler } from '../../health/monitor/start-scheduler.js'
import { FALL, INTERVAL_MS, RISE, TIMEOUT_MS } from '../../health/probe/options.js'
import type { Logger } from '../../log.js'
import { AGENT_PORT, type AgentEndpoint, startAgentEndpoint } from '../../prometheus/agent-endpoint.js'
import type { ListenOptions } from '../../transport/options.js'
import { YamlDocument } from '../../yaml-document.js'
import type { Hints } from '../error-text.js'
import { faultOfFlag, type OptionsOfFlags } from '../flag-fault.js'
import { exitCodeOfOptions, UsageError } from '../outcome.js'
import { sayWhy } from '../say-why.js'
import { parseListen } from './arguments.js'
import { type LogFlags, openLogOf, withLogOptions } from './log-options.js'

type ProbeFlags = NonNullable<ScannerOptions['probes']>

interface MonitorFlags extends LogFlags {
  etcd?: string[]
  configFile?: string
  prefix?: string
  name?: string
  lease?: number
  /** True: the default address. */
  metrics?: ListenOptions | true
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

const SCANNER_EXAMPLES = `
Examples:
  containerdns scanner --etcd http://10.0.0.2:2379 --ports 80,443
      probes its share of the addresses that have a status in etcd; start one on each of some hosts, and a scheduler
  containerdns scanner --etcd http://10.0.0.2:2379 --icmp --interval 2000 --timeout 500 --fall 2
      an address that is gone is down after four to five seconds
  containerdns scanner --etcd http://10.0.0.2:2379 --metrics 0.0.0.0:9153
      Prometheus finds /metrics there, and an orchestrator /health and /ready
  containerdns scanner --config-file /etc/containerdns/containerdns-scanner.conf --log-format text
      as containerdns-scanner did it

SIGTERM and SIGINT end it: its addresses go to the others.`

const SCHEDULER_EXAMPLES = `
Examples:
  containerdns scheduler --etcd http://10.0.0.2:2379
      any number may run: one leads, and another takes over when it is gone
  containerdns scheduler --etcd http://10.0.0.2:2379 --quorum 2/3 --alerts alerts.yaml
      three scanners probe each address, two have to find it down; alerts.yaml says who is told (docs/health.md)
  containerdns scheduler --config-file /etc/containerdns/containerdns-schedule.conf
      as containerdns-schedule did it

SIGTERM and SIGINT end it.`

/** `containerdns scanner` and `containerdns scheduler`: the health of addresses in etcd, in the foreground until SIGTERM or SIGINT. */
export function addMonitorCommands(program: Command): void {
  addCommonOptions(program.command('scanner').description('probe the addresses that have a status in etcd'))
    .option(
      '-p, --ports <ports>',
      `TCP ports for addresses that name none, with commas between (default: ${SCANNED_PORTS.join()})`,
      collectPorts,
    )
    .option('--icmp', 'send ICMP echo requests instead of connecting', false)
    .option(
      '--interval <ms>',
      `from one probe of an address to the next (default: ${INTERVAL_MS.default})`,
      wholeNumber,
    )
    .option('--timeout <ms>', `how long a probe may take (default: ${TIMEOUT_MS.default})`, wholeNumber)
    .option('--rise <probes>', `successes until an address is up (default: ${RISE.default})`, wholeNumber)
    .option('--fall <probes>', `failures until an address is down (default: ${FALL.default})`, wholeNumber)
    .addHelpText('after', SCANNER_EXAMPLES)
    .action((flags: ScannerFlags) =>
      runUntilSignal(flags, readScannerConfig, startScanner, { probes: probesOf(flags) }),
    )
  addCommonOptions(program.command('scheduler').description('say which scanners share the addresses'))
    .option(
      '--quorum <down/scanners>',
      'such as 2/3: each address is probed by 3, and down when 2 say so (default: 1/1)',
      parseQuorum,
    )
    .option(
      '--alerts <file>',
      'whom to tell when addresses go down: YAML, as health.alerts of a config (default: nobody)',
    )
    .addHelpText('after', SCHEDULER_EXAMPLES)
    .action(async (flags: SchedulerFlags) => {
      const { quorum, alerts } = flags
      await runUntilSignal(flags, readSchedulerConfig, startScheduler, {
        ...(quorum && { quorum }),
        ...(alerts !== undefined && { alerts: await readAlerts(alerts) }),
      })
    })
}

function addCommonOptions(command: Command): Command {
  command
    .option('-e, --etcd <urls>', 'etcd endpoints, with commas between', (text) => text.split(','))
    .option('--config-file <file>', 'its file of ContainerDNS; what else is given here counts more')
    .option('--prefix <prefix>', 'where the keys of monitoring are (default: /containerdns/monitor/)')
    .option('--name <name>', "what it is called (default: the host's name)")
    .option(
      '--lease <seconds>',
      `how long it counts as alive without a word (default: ${LEASE_SECONDS.default})`,
      wholeNumber,
    )
    .option(
      '--metrics [address]',
      `/metrics for Prometheus, /health and /ready over HTTP: HOST:PORT, [IPV6]:PORT, HOST or PORT (default: none; without an address 127.0.0.1:${AGENT_PORT.default})`,
      parseListen,
    )
  return withLogOptions(command)
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
  start: (options: Options) => Promise<Scanner | Scheduler>,
  own: Partial<Options>,
): Promise<void> {
  const { etcd, configFile, prefix, name, lease } = flags
  if (etcd === undefined && configFile === undefined) throw new UsageError('--etcd or --config-file must be given')
  const log = openLogOf(flags)
  const { logger } = log
  try {
    const config = configFile === undefined ? undefined : await read(configFile)
    logger.level = flags.logLevel ?? config?.logLevel ?? 'info'
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
    const endpoint = await endpointOf(running, flags, logger)
    logger.info({ ...(endpoint && { metrics: `${endpoint.url}/metrics` }) }, 'running')
    const stop = () => void Promise.all([running.close(), endpoint?.close()]).then(() => logger.info({}, 'stopped'))
    process.once('SIGTERM', stop)
    process.once('SIGINT', stop)
  } catch (error) {
    sayWhy(faultOfFlag(error as Error, optionsOf(flags)), 'could not start', log, HINTS)
    process.exitCode = exitCodeOfOptions(error, configFile !== undefined)
  }
}

/** Only of the flags that were given: what a file says, it says under other names. */
function optionsOf(flags: MonitorFlags): OptionsOfFlags {
  const given = new Set(Object.keys(flags))
  return Object.fromEntries(Object.entries(OPTIONS).filter(([flag]) => given.has(flag.slice('--'.length))))
}

const OPTIONS: OptionsOfFlags = {
  '--etcd': ['etcdStore.hosts', 'scanner.etcd', 'scheduler.etcd'],
  '--prefix': ['scanner.prefix', 'scheduler.prefix'],
  '--name': ['scanner.name', 'scheduler.name'],
  '--lease': ['scanner.leaseSeconds', 'scheduler.leaseSeconds'],
  '--metrics': ['host', 'port'],
  '--ports': ['scanner.probes.check.ports'],
  '--interval': ['scanner.probes.intervalMs'],
  '--timeout': ['scanner.probes.timeoutMs'],
  '--rise': ['scanner.probes.rise'],
  '--fall': ['scanner.probes.fall'],
  '--quorum': ['scheduler.quorum'],
  '--alerts': ['scheduler.alerts'],
}

const HINTS: Hints = { CDNS_PORT_IN_USE: '--metrics HOST:PORT takes another' }

/** Where it cannot be had, the agent does not run either: nobody would see what it does. */
async function endpointOf(
  agent: Scanner | Scheduler,
  { metrics }: MonitorFlags,
  logger: Logger,
): Promise<AgentEndpoint | undefined> {
  if (metrics === undefined) return undefined
  const { host, port } = metrics === true ? {} : metrics
  try {
    return await startAgentEndpoint({
      agent,
      logger,
      ...(host !== undefined && { host }),
      ...(port !== undefined && { port }),
    })
  } catch (error) {
    await agent.close()
    throw error
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
