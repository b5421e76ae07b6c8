export type { Clock } from './clock.js'
export type { WorkerRestart } from './cluster/supervisor.js'
export type {
  Cache,
  CloseOptions,
  ContainerDns,
  ContainerDnsEvents,
  QueryOptions,
  ReloadOptions,
  Stats,
  ThreadStats,
} from './container-dns.js'
export { ContainerDnsError, ERROR_CODES, type ErrorCode } from './errors.js'
export type { PublishedEvent } from './event-channels.js'
export type { ExportedQuery } from './export/exported-query.js'
export type { DnstapOptions, QueryLogOptions } from './export/options.js'
export type { ExportStats } from './export/query-export.js'
export type { ForwardCacheOptions, ForwardOptions, ForwardPolicy, ForwardZoneOptions } from './forward/options.js'
export type { ForwardStats } from './forward/server-forwarding.js'
export type { AlertCounts } from './health/alerts/alert-channel.js'
export type { AlertsStatus } from './health/alerts/alerts.js'
export type { AlertsOptions, MailOptions, MailTls, WebhookOptions } from './health/alerts/options.js'
export type { AddressHealth, Health, HealthChange, HealthSource, HealthState } from './health/health.js'
export type { PastHealthChange } from './health/health-history.js'
export type {
  CheckOptions,
  DnsCheckOptions,
  HookCheckOptions,
  HttpCheckOptions,
  IcmpCheckOptions,
  TcpCheckOptions,
} from './health/probe/check-options.js'
export type { CheckHealth, HealthTarget } from './health/probe/health-hook.js'
export type { ProbeOverride, ProbeReference, ProbesOptions, ProbeTimes } from './health/probe/options.js'
export type {
  Backend,
  HookAnswer,
  HookOptions,
  HookQuery,
  HookResponse,
  Hooks,
  HookVerdict,
} from './hooks/hooks.js'
export type { AclAction, AclRule } from './limits/acl.js'
export type { AmplificationOptions } from './limits/amplification.js'
export type { RateLimitOptions } from './limits/rate-limit-options.js'
export type { Logger } from './log.js'
export type { CounterTotals } from './metrics/counter-totals.js'
export type { HostProcessStats, LoopDelay } from './metrics/host-process.js'
export type { TopClient, TopName } from './metrics/measurements.js'
export type { MetricsOptions } from './metrics/options.js'
export type { Distribution, QueryCount, QueryFigureTotals } from './metrics/query-figures.js'
export type { ContainerDnsOptions, ZoneOptions } from './options.js'
export { PROMETHEUS_CONTENT_TYPE, prometheusText } from './prometheus/prometheus-text.js'
export type { EditOptions, RecordFilter, Records, ViewOptions } from './publish/records.js'
export type {
  AllUnhealthy,
  ClientSubnetOptions,
  CookieMode,
  EdnsOptions,
  HealthOptions,
  IdentityOptions,
  SrvWeightsOption,
} from './query/options.js'
export type { View } from './query/views.js'
export type { RRset, RRsetByType, RRsetOf, SelectableType } from './records/rrset.js'
export type { Affinity, SelectionOptions, SelectionPolicy } from './records/selection-options.js'
export type { WireRRset } from './records/wire-rrset.js'
export type { ReloadableOptions } from './reloaded-options.js'
export { createContainerDns } from './server.js'
export type { ProbesStatus } from './server-probes.js'
export { etcdStore } from './store/etcd/etcd-store.js'
export type { EtcdStoreOptions } from './store/etcd/options.js'
export type { EtcdTlsOptions, PemSource } from './store/etcd/tls.js'
export { type MemoryStore, memoryStore } from './store/memory/memory-store.js'
export type { MemoryStoreOptions, ZoneFileOptions } from './store/memory/options.js'
export type { BadRecord, RecordStore, StoreSink, StoreStatus } from './store/record-store.js'
export type { Revise } from './store/revise.js'
export type { WorkerFiles } from './threads/worker-files.js'
export type {
  BoundAddress,
  TransportChoice,
  TransportKind,
  XdpQueueStats,
  XdpStats,
} from './transport/datagram-transport.js'
export type { ListenOptions, TlsOptions } from './transport/options.js'
export type { XdpMode, XdpOptions } from './transport/xdp/options.js'
export type { DnsResponse, FieldsType, OctetsType, ResourceRecord, ResourceRecordOf } from './wire/packet.js'
export type {
  CaaData,
  CharacterString,
  DataByType,
  GenericData,
  MxData,
  NaptrData,
  RecordData,
  SoaData,
  SrvData,
  SvcbData,
  SvcParams,
  WeightedAddress,
} from './wire/rdata/record-data.js'
export type { GenericType, KnownType, RecordType } from './wire/rdata/record-type.js'
export { rrsetToText } from './zone-file/rrset-to-text.js'
