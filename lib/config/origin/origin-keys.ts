/** A program of ContainerDNS that has a file of its own. */
export type OriginProgram = 'containerdns' | 'containerdns-kubeapi' | 'containerdns-scanner' | 'containerdns-schedule'

/** Every key of each program's file, as `section.key` in lower case, in the spelling of its code and of its README. */
export const ORIGIN_KEYS: Readonly<Record<OriginProgram, readonly string[]>> = {
  containerdns: [
    ...inSection('dns', 'dns-domains dns-domain dns-addr ex-nameservers nameservers indomainservers subdomainservers'),
    ...inSection('dns', 'cachesize ip-monitor-path skipdomain'),
    ...inSection('log', 'log-dir log-level log-to-stdio'),
    ...inSection('etcd', 'etcd-servers etcd-certfile etcd-keyfile etcd-cafile'),
    ...inSection('fun', 'random-one hone-one'),
    ...inSection('stats', 'statsserver statsserverauthtoken'),
  ],
  'containerdns-kubeapi': [
    ...inSection('general', 'domain host etcd-server etcd-certfile etcd-keyfile etcd-cafile sync-time ip-monitor-path'),
    ...inSection('general', 'log-dir log-level log-to-stdio cluster-name'),
    ...inSection('kube2dns', 'kube-domain pod-enable kube-enable svc-ip-source kube-config-file'),
    ...inSection('dnsapi', 'api-domains containerdns-auth api-address api-enable'),
  ],
  'containerdns-scanner': [
    ...inSection('general', 'core enable-check hostname log-dir log-level log-to-stdio heartbeat-interval delay'),
    ...inSection('check', 'check-interval check-timeout check-retry-count default-scann-ports scann-ports enable-icmp'),
    ...inSection('check', 'ping-timeout ping-count max-thread'),
    ...inSection('etcd', 'etcd-servers etcd-machine tls-key tls-pem ca-cert etcd-certfile etcd-keyfile etcd-cafile'),
    ...inSection('etcd', 'status-path report-path heart-path job-path agent-path'),
    ...inSection('mail', 'alert-to sys-idx silent-time service-room'),
  ],
  'containerdns-schedule': [
    ...inSection(
      'general',
      'schedule-interval agent-downtime log-dir log-level log-to-stdio hostname force-lock-time resources',
    ),
    ...inSection('etcd', 'etcd-servers etcd-machine etcd-certfile etcd-keyfile etcd-cafile'),
    ...inSection('etcd', 'tls-key tls-pem ca-cert'),
    ...inSection('etcd', 'status-path report-path heart-path lock-path domain-path job-path agent-path'),
    ...inSection('mail', 'alert-to sys-idx silent-time service-room smtp-server mail-from'),
  ],
}

const OUR_KEYS = 'is ignored: scanners and schedulers have keys of their own, beside those of the statuses'

/** Why a key that is understood is nothing here. */
export const NO_COUNTERPART: Readonly<Record<string, string>> = {
  'log-dir': 'is ignored: the log goes to standard error, or where --log-file says',
  'log-to-stdio': 'is ignored: the log goes to standard error, or where --log-file says',
  'ip-monitor-path': 'is ignored: the health of addresses is read from monitor/status/ below the prefix of the records',
  skipdomain: 'is ignored: names are answered as they stand in etcd',
  'sync-time': 'is ignored: changes are followed as they come',
  host: 'is ignored: nobody reads apiHost/',
  'kube-enable': 'is ignored: containerdns kubernetes reads it',
  'kube-domain': 'is ignored: containerdns kubernetes reads it',
  'kube-config-file': 'is ignored: containerdns kubernetes reads it',
  'pod-enable': 'is ignored: containerdns kubernetes reads it',
  'svc-ip-source': 'is ignored: containerdns kubernetes reads it',
  'cluster-name': 'is ignored: containerdns kubernetes reads it',
  core: 'is ignored: all probes are in one thread',
  delay: 'is ignored: each address is probed once in check-interval',
  'enable-icmp': 'is ignored: addresses are connected to, as they are there; nobody used what pings of names had found',
  'ping-timeout': 'is ignored: names are not pinged',
  'ping-count': 'is ignored: names are not pinged',
  'report-path': OUR_KEYS,
  'heart-path': OUR_KEYS,
  'lock-path': OUR_KEYS,
  'domain-path': OUR_KEYS,
  'job-path': OUR_KEYS,
  'agent-path': OUR_KEYS,
  'schedule-interval': 'is ignored: changes are followed as they come',
  'agent-downtime': 'is ignored: a scanner is dead when its lease is over, which is two of its heartbeat-interval',
  'force-lock-time': "is ignored: a dead scheduler's lock ends with its lease",
  resources: 'is ignored: addresses are probed, and nothing else',
  'alert-to': 'is ignored: the scheduler sends alerts, by [Mail] in its file or by --alerts',
  'silent-time': 'is ignored: the scheduler sends alerts, by [Mail] in its file or by --alerts',
  'service-room': 'is ignored: the scheduler sends alerts, by [Mail] in its file or by --alerts',
  'sys-idx': 'is ignored: it is for a service of JD.com alone',
}

function inSection(section: string, keys: string): string[] {
  return keys.split(' ').map((key) => `${section}.${key}`)
}
