import type { StoreConfig } from '../config/config.js'
import { kubernetesStore } from '../kubernetes/kubernetes-store.js'
import { etcdStore } from '../store/etcd/etcd-store.js'
import { type MemoryStore, memoryStore } from '../store/memory/memory-store.js'
import type { RecordStore } from '../store/record-store.js'

/** The store that a config says; `files` is the same one where its records come from files. */
export function openStore(config: StoreConfig): { store: RecordStore; files: MemoryStore | undefined } {
  if ('etcd' in config) return { store: etcdStore(config.etcd), files: undefined }
  if ('kubernetes' in config) return { store: kubernetesStore(config.kubernetes), files: undefined }
  const files = memoryStore(config.memory)
  return { store: files, files }
}

/** The files that a reload reads. */
export function filesIn(config: StoreConfig): string[] {
  if (!('memory' in config)) return []
  const { recordsFile, zoneFile = [], hostsFile = [] } = config.memory
  const zoneFiles = [zoneFile].flat().map((each) => (typeof each === 'string' ? each : each.path))
  return [...(recordsFile === undefined ? [] : [recordsFile]), ...zoneFiles, ...[hostsFile].flat()]
}
