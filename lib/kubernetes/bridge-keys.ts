import { createHash } from 'node:crypto'
import type { RRset } from '../records/rrset.js'
import { DEFAULT_VIEW, isViewName } from '../records/view.js'
import { endOfFolder, reversedLabels } from '../store/etcd/key-labels.js'
import type { KeyRange } from '../store/etcd/key-layout.js'
import { ContainerdnsLayout } from '../store/etcd/layout-containerdns.js'
import { rrsetPath } from '../store/etcd/leaf-path.js'
import { serviceRecord } from '../store/etcd/value-containerdns.js'
import { rrsetValue } from '../store/etcd/value-rrset.js'
import { foldName, nameFromText } from '../wire/name.js'
import type { RecordData } from '../wire/rdata/record-data.js'
import type { OwnerRecords } from './cluster-records.js'
import { monitorValue } from './monitor-value.js'

/** What the origin's bridge writes as the source of a record, and we with it. */
const SOURCES: ReadonlySet<unknown> = new Set(['svc', 'pod'])
/** Leaves of ours; nobody else's key is to be met by chance. */
const LEAF_PREFIX = 'k8s-'
const LEAF_DIGITS = 16

/** What a key is to hold, by what it holds now; undefined: there is to be none. */
export type NewValue = (now: string | undefined) => string | undefined

/**
 * How a cluster's records stand in etcd: in the layout of ContainerDNS in Go, each with its source and its cluster, and where that has
 * no place (PTR) as whole RRsets with the same two fields. They say which keys are ours to change.
 */
export class BridgeKeys {
  readonly #layout: ContainerdnsLayout
  readonly #cluster: string
  /** What every name of the cluster ends with. */
  readonly #suffix: string
  readonly #statusFolder: string
  /** Everything of ours is in these, but for what is in views. */
  readonly ranges: readonly KeyRange[]
  /** Where views have their folders, the default one's among them. */
  readonly views: KeyRange
  readonly #folder: string

  /** `monitor`: what scanners are told is ours to change, too. */
  constructor(prefix: string, cluster: string, zone: string, monitor: boolean) {
    this.#layout = new ContainerdnsLayout(prefix)
    this.#cluster = cluster
    this.#suffix = `.${zone}.`
    this.#statusFolder = `${prefix}monitor/status/`
    const folder = reversedLabels(nameFromText(zone))
    const views = `${prefix.replace(/\/$/, '')}.v1/`
    const rrsets = `${views}${DEFAULT_VIEW}/`
    const folders = [`${prefix}${folder}`, `${rrsets}${folder}`, `${rrsets}arpa/`]
    this.#folder = folder
    this.views = folderRange(views)
    this.ranges = [...folders, ...(monitor ? [this.#statusFolder] : [])].map(folderRange)
  }

  /** What of ours may be in the view that a key of `views` is in; undefined for the default one, whose ranges are known. */
  rangeInView(key: Buffer): KeyRange | undefined {
    const start = this.views.start.toString('latin1')
    const [view] = key.toString('latin1', start.length).split('/')
    return view === DEFAULT_VIEW || !isViewName(view) ? undefined : folderRange(`${start}${view}/${this.#folder}`)
  }

  /** Behind the view, or whatever it is, that a key of `views` is in. */
  behindView(key: Buffer): Buffer {
    const start = this.views.start.toString('latin1')
    const [view] = key.toString('latin1', start.length).split('/')
    return endOfFolder(`${start}${view}/`)
  }

  /** The keys of an owner's records, and their values. */
  of({ name, source, rrsets, monitored }: OwnerRecords): Map<string, NewValue> {
    const owner = nameFromText(name)
    foldName(owner, 0, owner.length)
    const fields = { source, cluster: this.#cluster }
    const keys = new Map<string, NewValue>()
    const put = (key: string, value: string) => keys.set(key, () => value)
    for (const rrset of rrsets) {
      const place = rrset.view === undefined ? this.#layout.leafPlace(owner, rrset) : undefined
      if (place === undefined) {
        put(this.#keyOf(owner, rrsetPath(rrset.type, rrset.view)), rrsetValue(rrset, fields))
        continue
      }
      for (const data of rrset.data) {
        const labels = [place.folder, place.hasLeaf ? this.#leafOf(rrset.type, data) : '']
        const path = labels.filter((label) => label !== '').join('/')
        put(this.#keyOf(owner, path), JSON.stringify({ ...this.#record(rrset, data), ...fields }))
      }
    }
    if (monitored !== undefined && monitored.domains.length > 0) {
      const { address } = monitored
      keys.set(this.#statusFolder + address, (now) => monitorValue(monitored, this.#cluster, this.#suffix, now))
    }
    return keys
  }

  /** What a key of ours is to hold once there is no record for it: nothing, but for what others have added. */
  removal(key: string): NewValue {
    if (!this.isMonitor(key)) return () => undefined
    const gone = { address: key.slice(this.#statusFolder.length), ports: [], domains: [] }
    return (now) => monitorValue(gone, this.#cluster, this.#suffix, now)
  }

  /** Whether it is the key of an address' status. Scanners write to those of ours, and others may have had one before. */
  isMonitor(key: string): boolean {
    return key.startsWith(this.#statusFolder)
  }

  /** Whether a value is one that we may change: a bridge's, and of this cluster. */
  isOwn(value: Buffer): boolean {
    try {
      const { source, cluster } = JSON.parse(value.toString('utf8')) as Record<string, unknown>
      // ContainerDNS in Go leaves out what is empty.
      return SOURCES.has(source) && (cluster ?? '') === this.#cluster
    } catch {
      return false
    }
  }

  #record({ type, ttl = 0 }: RRset, data: RecordData): object {
    return serviceRecord(type, data, ttl)
  }

  #keyOf(owner: Uint8Array, path: string): string {
    return this.#layout.keyOf(owner, path).toString('latin1')
  }

  /** Two clusters that answer a name with the same data have a key each. */
  #leafOf(type: string, data: RecordData): string {
    const hash = createHash('sha256').update(JSON.stringify([this.#cluster, type, data]))
    return LEAF_PREFIX + hash.digest('hex').slice(0, LEAF_DIGITS)
  }
}

function folderRange(folder: string): KeyRange {
  return { start: Buffer.from(folder, 'latin1'), end: endOfFolder(folder) }
}
