// The parts of etcd's messages that we use, named as in etcd3's copy of the protocol, which spells some constants its own way and
// takes one it does not know for 0. Numbers of 64 bits come as text.

export interface ResponseHeader {
  readonly cluster_id: string
  readonly revision: string
}

export interface KeyValue {
  readonly key: Buffer
  readonly value: Buffer
  readonly mod_revision: string
}

export interface FoundKeyValue extends KeyValue {
  readonly create_revision: string
  /** `'0'`: none. */
  readonly lease: string
}

export interface RangeRequest {
  readonly key: Buffer
  readonly range_end?: Buffer
  readonly limit?: number
  readonly revision?: number
  readonly keys_only?: boolean
}

export interface RangeResponse {
  readonly header: ResponseHeader
  readonly kvs: readonly FoundKeyValue[]
  /** Whether `limit` has cut the answer short. */
  readonly more: boolean
  /** Keys in the range, whatever `limit` was. */
  readonly count: string
}

export type Compare = CompareMod | CompareCreate

/** True where the mod revision of each key from `key` to `range_end` compares so with the given one; 0 stands for no key. */
export interface CompareMod {
  readonly key: Buffer
  readonly range_end?: Buffer
  readonly target: 'Mod'
  readonly result: 'Equal' | 'Less'
  readonly mod_revision: number
}

/** The same for the revision at which a key was created: whether it is still the one that it was, however often it was written since. */
export interface CompareCreate {
  readonly key: Buffer
  readonly target: 'Create'
  readonly result: 'Equal'
  readonly create_revision: number
}

export interface RequestOp {
  readonly request_range?: RangeRequest
  readonly request_put?: { readonly key: Buffer; readonly value: Buffer; readonly lease?: string }
  readonly request_delete_range?: { readonly key: Buffer }
}

export interface TxnRequest {
  readonly compare: readonly Compare[]
  readonly success: readonly RequestOp[]
}

export interface TxnResponse {
  readonly header: ResponseHeader
  readonly succeeded: boolean
  readonly responses: readonly { readonly response_range: RangeResponse }[]
}

export interface LeaseGrantResponse {
  readonly ID: string
  /** Seconds. */
  readonly TTL: string
}

export interface LeaseKeepAliveResponse {
  readonly ID: string
  /** 0: the lease has expired. */
  readonly TTL: string
}

export interface WatchRequest {
  readonly key: Buffer
  readonly range_end: Buffer
  readonly start_revision: number
}

export interface WatchEvent {
  readonly type: 'Put' | 'Delete'
  /** Of a Delete, key and mod revision alone. */
  readonly kv: KeyValue
}

export interface WatchResponse {
  readonly header: ResponseHeader
  /** `ASKED_PROGRESS` for an answer to `EtcdClient.requestProgress`. */
  readonly watch_id: string
  readonly created: boolean
  readonly canceled: boolean
  /** Above 0 when the watch was refused because what it should begin with has been compacted. */
  readonly compact_revision: string
  readonly cancel_reason: string
  readonly events: readonly WatchEvent[]
}
