import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Logger as Pino } from 'pino'
import type { ContainerDns } from '../../container-dns.js'
import { ContainerDnsError } from '../../errors.js'
import { type ContainerDnsOptions, DEFAULT_ZONES, TRANSPORTS } from '../../options.js'
import { createContainerDns } from '../../server.js'
import { etcdStore } from '../../store/etcd/etcd-store.js'
import { type MemoryStore, memoryStore } from '../../store/memory/memory-store.js'
import type { ListenOptions } from '../../transport/options.js'
import { createLogger, LOG_LEVELS } from '../logger.js'
import { notifySystemd } from '../notify-systemd.js'

interface ServeFlags {
  listen?: ListenOptions[]
  share: boolean
  zone?: string[]
  etcd?: string[]
  etcdPrefix?: string
  snapshot?: string
  records?: string
  zoneFile?: string[]
  hostsFile?: string[]
  workers?: number
  transport?: NonNullable<ContainerDnsOptions['transport']>
  drain: number
  logLevel: string
}

const EXAMPLES = `
Examples:
  containerdns serve
      answers on 127.0.0.1:5300 for containerdns.local, from an empty store in memory
  containerdns serve --listen 0.0.0.0:53 --zone cluster.local --etcd http://10.0.0.2:2379,http://10.0.0.3:2379
  containerdns serve --records records.json
      records.json: [{ "name": "www.containerdns.local", "type": "A", "data": ["192.0.2.1", "192.0.2.2"] }]
  containerdns serve --zone example.org --zone-file example.org.zone --hosts-file /etc/hosts

Signals:
  SIGTERM, SIGINT   go on answering for --drain milliseconds, then stop
  SIGHUP            read the --records, --zone-file and --hosts-file files again; a fault in one changes nothing`

/** `containerdns serve`: a server in the foreground. */
export function addServeCommand(program: Command): void {
  program
    .command('serve')
    .description('answer DNS queries')
    .option(
      '-l, --listen <address...>',
      'where to answer: HOST:PORT, [IPV6]:PORT, HOST or PORT; may be given again',
      collectListen,
    )
    .option('--share', 'answer beside another server on the same addresses, for a hot restart', false)
    .option('-z, --zone <names...>', 'zones to answer for, with commas between (default: containerdns.local)', collect)
    .option('-e, --etcd <urls...>', 'etcd endpoints, with commas between', collect)
    .option('--etcd-prefix <prefix>', 'where the records stand in etcd (default: /containerdns/)')
    .option('--snapshot <file>', 'what is known of etcd, for a start while it is down')
    .option('-r, --records <file>', 'a JSON array of RRsets; not together with --etcd')
    .option('--zone-file <file>', 'a zone file (RFC 1035); may be given again; not together with --etcd', collectPath)
    .option(
      '--hosts-file <file>',
      'a file such as /etc/hosts; may be given again; not together with --etcd',
      collectPath,
    )
    .option('-w, --workers <count>', 'DNS threads (default: one for each core)', wholeNumber)
    .addOption(new Option('-t, --transport <kind>', 'how to move datagrams').choices(TRANSPORTS).default('auto'))
    .option('--drain <ms>', 'how long to go on answering after SIGTERM', wholeNumber, 0)
    .addOption(new Option('--log-level <level>', 'how much to log').choices(LOG_LEVELS).default('info'))
    .addHelpText('after', EXAMPLES)
    .action(serve)
}

async function serve(flags: ServeFlags): Promise<void> {
  const logger = createLogger(flags.logLevel)
  try {
    if (flags.snapshot !== undefined && flags.etcd === undefined) {
      throw new ContainerDnsError('CDNS_OPTION_INVALID', '--snapshot is for what comes from --etcd')
    }
    const paths = filesOf(flags)
    if (paths.length > 0 && flags.etcd !== undefined) {
      const given = '--records, --zone-file and --hosts-file'
      throw new ContainerDnsError('CDNS_OPTION_INVALID', `${given} cannot be given together with --etcd`)
    }
    const files = flags.etcd === undefined ? fileStore(flags) : undefined
    const server = await createContainerDns(optionsOf(flags, files, logger))
    // First: whoever reads that we answer may send one at once, and SIGHUP would end us.
    handleSignals(server, files, flags, logger)
    notifySystemd(logger)
    await announce(server, flags.zone?.[0] ?? DEFAULT_ZONES[0]!, logger)
  } catch (error) {
    sayWhy(error as Error, logger)
    process.exitCode = 1
  }
}

function filesOf({ records, zoneFile = [], hostsFile = [] }: ServeFlags): string[] {
  return [...(records === undefined ? [] : [records]), ...zoneFile, ...hostsFile]
}

/** Where there is one zone, relative names of a zone file belong to it, as BIND has it. */
function fileStore({ records, zone = [...DEFAULT_ZONES], zoneFile = [], hostsFile = [] }: ServeFlags): MemoryStore {
  const [origin] = zone
  return memoryStore({
    ...(records === undefined ? {} : { recordsFile: records }),
    zoneFile: zoneFile.map((path) => (zone.length === 1 ? { path, origin: origin! } : path)),
    hostsFile,
  })
}

function optionsOf(flags: ServeFlags, files: MemoryStore | undefined, logger: Pino): ContainerDnsOptions {
  const etcd = () =>
    etcdStore({
      hosts: flags.etcd!,
      ...(flags.etcdPrefix === undefined ? {} : { prefix: flags.etcdPrefix }),
      ...(flags.snapshot === undefined ? {} : { snapshotFile: flags.snapshot }),
    })
  return {
    store: files ?? etcd(),
    logger,
    ...(flags.zone === undefined ? {} : { zones: flags.zone }),
    listen: (flags.listen ?? [{}]).map((address) => ({ ...address, share: flags.share })),
    ...(flags.workers === undefined ? {} : { workers: flags.workers }),
    ...(flags.transport === undefined ? {} : { transport: flags.transport }),
  }
}

/** A person at a terminal gets a sentence; a log gets a line that programs can read. What failed on purpose needs no stack. */
function sayWhy(error: Error, logger: Pino): void {
  const { code } = error as Partial<ContainerDnsError>
  if (process.stderr.isTTY) process.stderr.write(`error: ${error.message}${code === undefined ? '' : ` (${code})`}\n`)
  else if (code?.startsWith('CDNS_')) logger.fatal({ code }, `could not start: ${error.message}`)
  else logger.fatal({ err: error }, `could not start: ${error.message}`)
}

async function announce(server: ContainerDns, zone: string, logger: Pino): Promise<void> {
  const { index, transport, store } = server.stats()
  logger.info(
    { addresses: server.addresses, names: index.names, transport: transport.kind, store: store.kind },
    'answering',
  )
  const { host, port } = server.addresses[0]!
  const asked = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  process.stdout.write(`try: dig @${asked} -p ${port} ${await questionWithAnswer(server, zone)}\n`)
}

/** An address that is there, or else the SOA of the zone, which always is. */
async function questionWithAnswer(server: ContainerDns, zone: string): Promise<string> {
  for await (const { name } of server.records.list({ type: 'A' })) return `${name} A`
  return `${zone} SOA`
}

function handleSignals(server: ContainerDns, files: MemoryStore | undefined, flags: ServeFlags, logger: Pino): void {
  const stop = (signal: NodeJS.Signals) => {
    logger.info({ signal, drainMs: flags.drain }, 'stopping')
    process.off('SIGHUP', reload)
    server.close({ drainMs: flags.drain }).then(
      () => logger.info({ counters: server.stats().counters }, 'stopped'),
      (error: Error) => logger.error({ err: error }, 'did not stop cleanly'),
    )
  }
  const reload = () => {
    const paths = filesOf(flags)
    if (files === undefined || paths.length === 0) {
      logger.info({}, 'SIGHUP: there is no file of records to read again')
      return
    }
    files.reload().then(
      () => logger.info({ files: paths, names: server.stats().index.names }, 'read the records again'),
      (error: Error) => logger.error({ err: error }, `the records stay as they were: ${error.message}`),
    )
  }
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
  process.on('SIGHUP', reload)
}

function collect(value: string, previous: string[] = []): string[] {
  return [...previous, ...value.split(',').filter((item) => item !== '')]
}

function collectPath(value: string, previous: string[] = []): string[] {
  return [...previous, value]
}

function collectListen(value: string, previous: ListenOptions[] = []): ListenOptions[] {
  return [...previous, parseListen(value)]
}

/** `HOST:PORT`, `[IPV6]:PORT`, `IPV6`, `HOST` or `PORT`. Whether the host is an address is the library's to say. */
export function parseListen(value: string): ListenOptions {
  if (/^\d+$/.test(value)) return { port: Number(value) }
  const bracketed = /^\[([^\]]+)\](?::(\d+))?$/.exec(value)
  const plain = /^([^:]+):(\d+)$/.exec(value)
  const match = bracketed ?? plain
  if (match === null) return { host: value }
  return match[2] === undefined ? { host: match[1]! } : { host: match[1]!, port: Number(match[2]) }
}

function wholeNumber(value: string): number {
  if (!/^\d+$/.test(value)) throw new InvalidArgumentError('It must be a whole number.')
  return Number(value)
}
