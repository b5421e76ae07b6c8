import { type Command, InvalidArgumentError, Option } from 'commander'
import { LOG_LEVELS } from '../../config/log-levels.js'
import type { MonitorOptions, QuorumOptions, ScannerOptions } from '../../health/monitor/options.js'
import { startScanner } from '../../health/monitor/start-scanner.js'
import { startScheduler } from '../../health/monitor/start-scheduler.js'
import { createLogger } from '../logger.js'

interface MonitorFlags {
  etcd: string[]
  prefix?: string
  name?: string
  lease?: number
  logLevel: string
}

interface SchedulerFlags extends MonitorFlags {
  quorum?: QuorumOptions
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
    .action((flags: ScannerFlags) => runUntilSignal(flags, (common) => startScanner({ ...common, ...probesOf(flags) })))
  addCommonOptions(program.command('scheduler').description('say which scanners share the addresses'))
    .option('--quorum <down/scanners>', 'such as 2/3: each address is probed by 3, and down when 2 say so', parseQuorum)
    .action(({ quorum, ...flags }: SchedulerFlags) =>
      runUntilSignal(flags, (common) => startScheduler({ ...common, ...(quorum && { quorum }) })),
    )
}

function addCommonOptions(command: Command): Command {
  return command
    .requiredOption('-e, --etcd <urls>', 'etcd endpoints, with commas between', (text) => text.split(','))
    .option('--prefix <prefix>', 'where the keys of monitoring are (default: /containerdns/monitor/)')
    .option('--name <name>', "what it is called (default: the host's name)")
    .option('--lease <seconds>', 'how long it counts as alive without a word', wholeNumber)
    .addOption(new Option('--log-level <level>', 'how much to log').choices(LOG_LEVELS).default('info'))
}

function probesOf({ ports, icmp, interval, timeout, rise, fall }: ScannerFlags): Pick<ScannerOptions, 'probes'> {
  return {
    probes: {
      ...(icmp && { check: { type: 'icmp' } }),
      ...(ports && { check: { type: 'tcp', ports } }),
      ...(interval !== undefined && { intervalMs: interval }),
      ...(timeout !== undefined && { timeoutMs: timeout }),
      ...(rise !== undefined && { rise }),
      ...(fall !== undefined && { fall }),
    },
  }
}

async function runUntilSignal(
  { etcd, prefix, name, lease, logLevel }: MonitorFlags,
  start: (options: MonitorOptions) => Promise<{ close(): Promise<void> }>,
): Promise<void> {
  const logger = createLogger(logLevel)
  try {
    const running = await start({
      etcd: { hosts: etcd },
      ...(prefix !== undefined && { prefix }),
      ...(name !== undefined && { name }),
      ...(lease !== undefined && { leaseSeconds: lease }),
      logger,
    })
    logger.info({}, 'running')
    const stop = () => void running.close().then(() => logger.info({}, 'stopped'))
    process.once('SIGTERM', stop)
    process.once('SIGINT', stop)
  } catch (error) {
    logger.error({ code: (error as { code?: unknown }).code }, (error as Error).message)
    process.exitCode = 1
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
