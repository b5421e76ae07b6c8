import { type Command, Option } from 'commander'
import { readOriginBridge } from '../../config/origin/origin-bridge.js'
import type { KubernetesBridgeOptions } from '../../kubernetes/bridge-options.js'
import { startKubernetesBridge } from '../../kubernetes/kubernetes-bridge.js'
import type { Log } from '../logger.js'
import { exitCodeOfOptions } from '../outcome.js'
import { type LogFlags, openLogOf, withLogOptions } from './log-options.js'

interface KubernetesFlags extends LogFlags {
  configFile?: string
  cluster?: string
  etcd?: string[]
  etcdPrefix?: string
  zone?: string
  kubeconfig?: string
  context?: string
  namespaces?: string[]
  labels?: string
  pods: 'disabled' | 'verified' | 'insecure'
  originPodNames?: true
  autopath?: true
  monitor?: true
  serviceAddresses: 'clusterIPs' | 'externalIPs'
  zoneViews?: string[]
  ttl?: number
}

const EXAMPLES = `
Examples:
  containerdns kubernetes --cluster east --etcd http://10.0.0.2:2379
      in a pod: writes the cluster's names to etcd, with the rights of its service account
  containerdns kubernetes --cluster west --zone west.example --kubeconfig west.conf --etcd http://10.0.0.2:2379
      a second cluster beside it, in a zone of its own
  containerdns kubernetes --config-file /etc/containerdns/containerdns-api.conf
      as containerdns-kubeapi did it

Any number may run for one cluster: one writes, and another takes over when it is gone.`

/** `containerdns kubernetes`: the bridge from a cluster to etcd, in the foreground. */
export function addKubernetesCommand(program: Command): void {
  const list = (value: string) => value.split(',')
  const command = program
    .command('kubernetes')
    .description("write a Kubernetes cluster's names to etcd, for servers that read it")
    .addOption(
      new Option('--config-file <file>', 'a file of containerdns-kubeapi (INI), and no other flag but those of the log')
        .conflicts([
          'cluster',
          'etcd',
          'etcdPrefix',
          'zone',
          'kubeconfig',
          'context',
          'namespaces',
          'labels',
          'pods',
          'ttl',
        ])
        .conflicts(['originPodNames', 'monitor', 'autopath', 'serviceAddresses', 'zoneViews']),
    )
    .option('-c, --cluster <name>', 'tells the records of clusters apart that share an etcd')
    .option('-e, --etcd <urls>', 'etcd endpoints, with commas between', list)
    .option('--etcd-prefix <prefix>', 'where the records stand in etcd (default: /containerdns/)')
    .option('-z, --zone <name>', 'the cluster domain (default: cluster.local)')
    .option(
      '-k, --kubeconfig <file>',
      'where the API server is (default: as kubectl, or the service account of the pod)',
    )
    .option('--context <name>', 'a context of the kubeconfig')
    .option('-n, --namespaces <names>', 'the only namespaces to read, with commas between', list)
    .option('-l, --labels <selector>', 'the only Services, by their labels')
    .addOption(
      new Option('--pods <mode>', 'names of pods').choices(['disabled', 'verified', 'insecure']).default('disabled'),
    )
    .option('--origin-pod-names', 'pods are called <pod>.<namespace>.svc.<zone> too')
    .option('--monitor', 'tell the addresses of Services to "containerdns scanner"')
    .option('--autopath', 'go through the search lists of pods for them; needs --pods verified')
    .addOption(
      new Option('--service-addresses <which>', 'what a Service is answered with')
        .choices(['clusterIPs', 'externalIPs'])
        .default('clusterIPs'),
    )
    .option('--zone-views <names>', 'zones that servers have views of the same names for, with commas between', list)
    .option('--ttl <seconds>', 'of the records (default: 5)', Number)
  withLogOptions(command).addHelpText('after', EXAMPLES).action(run)
}

async function run(flags: KubernetesFlags, command: Command): Promise<void> {
  const { cluster, etcd } = flags
  if (flags.configFile === undefined && (cluster === undefined || etcd === undefined)) {
    command.error('error: --cluster and --etcd must be given, or --config-file')
  }
  const { logger } = openLogOf(flags)
  const stopping = new AbortController()
  const stop = () => stopping.abort()
  process.once('SIGTERM', stop).once('SIGINT', stop)
  try {
    const { configFile } = flags
    const options = configFile === undefined ? optionsOf(flags) : await optionsIn(configFile, flags, logger)
    const bridge = await startKubernetesBridge({ ...options, logger, signal: stopping.signal })
    logger.info({ ...bridge.status() }, 'the cluster is in etcd')
    if (!stopping.signal.aborted) {
      await new Promise<void>((resolve) => {
        stopping.signal.addEventListener('abort', () => resolve(), { once: true })
      })
    }
    await bridge.close()
  } catch (error) {
    if (stopping.signal.aborted) return
    logger.error({ err: error }, 'containerdns kubernetes could not start')
    process.exitCode = exitCodeOfOptions(error, flags.configFile !== undefined)
  } finally {
    process.off('SIGTERM', stop).off('SIGINT', stop)
  }
}

async function optionsIn(
  file: string,
  { logLevel }: KubernetesFlags,
  logger: Log['logger'],
): Promise<KubernetesBridgeOptions> {
  const { options, level, ignored } = await readOriginBridge(file)
  logger.level = logLevel ?? level
  for (const each of ignored) logger.warn({}, each)
  return options
}

function optionsOf(flags: KubernetesFlags): KubernetesBridgeOptions {
  const { cluster, etcd, etcdPrefix, labels, pods, serviceAddresses, monitor = false } = flags
  const { zone, kubeconfig, context, namespaces, ttl, zoneViews, originPodNames = false, autopath = false } = flags
  return {
    ...{ cluster: cluster!, pods, serviceAddresses, originPodNames, autopath, monitor },
    etcd: { hosts: etcd!, ...(etcdPrefix !== undefined && { prefix: etcdPrefix }) },
    ...(labels !== undefined && { labelSelector: labels }),
    ...(zone !== undefined && { zone }),
    ...(kubeconfig !== undefined && { kubeconfig }),
    ...(context !== undefined && { context }),
    ...(namespaces !== undefined && { namespaces }),
    ...(zoneViews !== undefined && { zoneViews }),
    ...(ttl !== undefined && { ttl }),
  }
}
