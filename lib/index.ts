export type { Clock } from './clock.js'
export type { WorkerRestart } from './cluster/supervisor.js'
export { ContainerDnsError, ERROR_CODES, type ErrorCode } from './errors.js'
export type { Logger } from './log.js'
export type { CounterTotals } from './metrics/counter-totals.js'
export type { ContainerDnsOptions, EdnsOptions, ListenOptions, TlsOptions } from './options.js'
export type { RecordFilter, Records } from './publish/records.js'
export type { RRset } from './records/rrset.js'
export type { WireRRset } from './records/wire-rrset.js'
export {
  type CloseOptions,
  type ContainerDns,
  type ContainerDnsEvents,
  createContainerDns,
  type Stats,
} from './server.js'
export { etcdStore } from './store/etcd/etcd-store.js'
export type { EtcdStoreOptions } from './store/etcd/options.js'
export { type MemoryStore, memoryStore } from './store/memory/memory-store.js'
export type { MemoryStoreOptions } from './store/memory/options.js'
export type { BadRecord, RecordStore, StoreSink, StoreStatus } from './store/record-store.js'
export type { WorkerFiles } from './threads/worker-files.js'
export type { BoundAddress, TransportKind } from './transport/datagram-transport.js'
export type { DnsResponse, ResourceRecord } from './wire/packet.js'
export type { MxData, RecordData, SoaData, SrvData } from './wire/rdata/record-data.js'
export type { RecordType } from './wire/rdata/record-type.js'
