import type { Config, ConfigFileContent } from '../../config/config.js'
import { FlagFault } from '../../config/config-fault.js'
import { readConfig, readLogFormat } from '../../config/config-file.js'
import type { LogFormat } from '../../config/log-config.js'
import type { ForwardZoneOptions } from '../../forward/options.js'
import type { KubernetesStoreOptions } from '../../kubernetes/options.js'
import { type ContainerDnsOptions, DEFAULT_ZONES } from '../../options.js'
import type { ListenOptions } from '../../transport/options.js'
import { type LogFlags, logOf } from './log-options.js'

/** What `containerdns serve` is told on its command line. */
export interface ServeFlags extends LogFlags {
  readonly config?: string
  readonly configFile?: string
  readonly listen?: ListenOptions[]
  readonly share?: boolean
  readonly zone?: string[]
  readonly etcd?: string[]
  readonly etcdPrefix?: string
  readonly snapshot?: string
  /** A kubeconfig, or true: as kubectl finds it, and inside of a cluster its service account. */
  readonly kubernetes?: string | true
  readonly records?: string
  readonly zoneFile?: string[]
  readonly hostsFile?: string[]
  readonly workers?: number
  readonly transport?: NonNullable<ContainerDnsOptions['transport']>
  readonly forward?: string[]
  readonly forwardZone?: string[]
  readonly api?: ListenOptions | true
  readonly apiTokens?: string
  readonly drain?: number
}

/** The config of a server: its file, the environment, and the flags, which count most. Throws CDNS_CONFIG_INVALID and CDNS_OPTION_INVALID. */
export async function readServeConfig(
  flags: ServeFlags,
  environment: NodeJS.ProcessEnv,
  checksFiles = false,
): Promise<Config> {
  const config = await readConfig({
    file: flags.config,
    originFile: flags.configFile,
    originPrograms: ['containerdns'],
    environment,
    flags: contentOf(flags),
    checksFiles,
  })
  if (flags.share !== true) return config
  const { listen = {} } = config.options
  const shared = (Array.isArray(listen) ? listen : [listen]).map((address) => ({ ...address, share: true }))
  return { ...config, options: { ...config.options, listen: shared } }
}

/** As it is said, also where the config has a fault. */
export function readServeLogFormat(flags: ServeFlags, environment: NodeJS.ProcessEnv): Promise<LogFormat> {
  return readLogFormat({ file: flags.config, environment, flags: { log: logOf(flags) } })
}

function contentOf(flags: ServeFlags): ConfigFileContent {
  const { listen, zone, workers, transport, drain, forward } = flags
  const given: Record<string, unknown> = {
    ...{ listen, zones: zone, workers, transport, drainMs: drain, store: storeOf(flags), api: apiOf(flags) },
    log: logOf(flags),
    forward: forward && { upstreams: forward },
    forwardZones: flags.forwardZone && forwardZonesOf(flags.forwardZone),
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}

function storeOf(flags: ServeFlags): ConfigFileContent['store'] {
  const { etcd, etcdPrefix, snapshot, kubernetes, records, zoneFile = [], hostsFile = [] } = flags
  const hasFiles = records !== undefined || zoneFile.length + hostsFile.length > 0
  if (kubernetes !== undefined) {
    refuse(hasFiles || etcd !== undefined, '--kubernetes cannot be given together with --etcd or files of records')
    return { kubernetes: clusterOf(flags) }
  }
  if (etcd === undefined) {
    refuse(snapshot !== undefined, '--snapshot is for what comes from --etcd')
    refuse(etcdPrefix !== undefined, '--etcd-prefix is for --etcd')
    return hasFiles ? { memory: filesOf(flags) } : undefined
  }
  refuse(hasFiles, '--records, --zone-file and --hosts-file cannot be given together with --etcd')
  return {
    etcd: {
      hosts: etcd,
      ...(etcdPrefix === undefined ? {} : { prefix: etcdPrefix }),
      ...(snapshot === undefined ? {} : { snapshotFile: snapshot }),
    },
  }
}

/** The first zone is the cluster domain. */
function clusterOf({ kubernetes, zone: [zone] = [] }: ServeFlags): KubernetesStoreOptions {
  return { ...(kubernetes === true ? {} : { kubeconfig: kubernetes! }), ...(zone === undefined ? {} : { zone }) }
}

/** Where there is one zone, relative names of a zone file belong to it, as BIND has it. */
function filesOf({ records, zone = [...DEFAULT_ZONES], zoneFile = [], hostsFile = [] }: ServeFlags) {
  const [origin] = zone
  return {
    ...(records === undefined ? {} : { recordsFile: records }),
    zoneFile: zoneFile.map((path) => (zone.length === 1 ? { path, origin: origin! } : path)),
    hostsFile,
  }
}

/** `ZONE=ADDRESS`; the order of zones and upstreams is that of the flags. */
function forwardZonesOf(flags: readonly string[]): ForwardZoneOptions[] {
  const zones = new Map<string, string[]>()
  for (const flag of flags) {
    const at = flag.indexOf('=')
    refuse(at < 1, `--forward-zone must be ZONE=ADDRESS, got ${flag}`)
    const zone = flag.slice(0, at)
    zones.set(zone, [...(zones.get(zone) ?? []), flag.slice(at + 1)])
  }
  return Array.from(zones, ([zone, upstreams]) => ({ zone, upstreams }))
}

function apiOf({ api, apiTokens }: ServeFlags): ConfigFileContent['api'] {
  refuse(api === undefined && apiTokens !== undefined, '--api-tokens is for --api')
  if (api === undefined) return undefined
  return {
    ...(api === true ? {} : { listen: api as { host?: string; port?: number } }),
    ...(apiTokens === undefined ? {} : { tokens: { file: apiTokens } }),
  }
}

function refuse(isWrong: boolean, message: string): void {
  if (isWrong) throw new FlagFault('CDNS_OPTION_INVALID', message, {})
}
