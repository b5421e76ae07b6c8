import type { Etcd3 } from 'etcd3'

// The one door to etcd3. We use its protocol files, its connections and its credentials, and go around its own `Watcher`,
// retries and circuit breaker: a watch that the server cancels is never made again and blocks those after it, a connection lost
// during a replay loses events, and an event of an unknown watch is an exception that nobody can catch (etcd3 1.1.2, tried).
// What follows are the parts of etcd's messages that we use, named as in etcd3's copy of the protocol, which spells some
// constants its own way and takes one it does not know for 0. Numbers of 64 bits come as text.

export interface ResponseHeader {
  readonly cluster_id: string
  readonly revision: string
}

export interface KeyValue {
  readonly key: Buffer
  readonly value: Buffer
  readonly mod_revision: string
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
  readonly kvs: readonly KeyValue[]
  /** Whether `limit` has cut the answer short. */
  readonly more: boolean
  /** Keys in the range, whatever `limit` was. */
  readonly count: string
}

/** True where the mod revision of each key from `key` to `range_end` compares so with the given one; 0 stands for no key. */
export interface Compare {
  readonly key: Buffer
  readonly range_end?: Buffer
  readonly target: 'Mod'
  readonly result: 'Equal' | 'Less'
  readonly mod_revision: number
}

export interface RequestOp {
  readonly request_range?: RangeRequest
  readonly request_put?: { readonly key: Buffer; readonly value: Buffer }
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
  readonly created: boolean
  readonly canceled: boolean
  /** Above 0 when the watch was refused because what it should begin with has been compacted. */
  readonly compact_revision: string
  readonly cancel_reason: string
  readonly events: readonly WatchEvent[]
}

export interface EtcdConnectionOptions {
  /** How long a connection may be silent before we ask whether anyone is there, and then how long we wait for an answer. */
  readonly keepaliveTimeMs: number
  readonly keepaliveTimeoutMs: number
}

/** gRPC's number for a message that is larger than we take. */
export const RESOURCE_EXHAUSTED = 8

/** A page of 10 000 ordinary records is 2 MB, and gRPC's own limit is 4. What is larger than this is asked for again in smaller pages. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024

/**
 * A connection to one member of etcd. It fails on the first error and tries nothing again: what to do then, and with which
 * member, is for the caller to say. Errors are gRPC's, with a `code`.
 */
export class EtcdClient {
  readonly #etcd: Etcd3
  readonly #kv: Service
  readonly #watch: Service
  readonly #calls = new Set<Call>()

  private constructor(etcd: Etcd3, kv: Service, watch: Service) {
    this.#etcd = etcd
    this.#kv = kv
    this.#watch = watch
  }

  /** Connects with the first call, not before. */
  static async connect(host: string, options: EtcdConnectionOptions): Promise<EtcdClient> {
    // Importing it takes 170 ms, so only those pay who use it.
    const { Etcd3 } = await import('etcd3')
    class OneMember extends Etcd3 {
      service(name: 'KV' | 'Watch'): Promise<Service> {
        return this.pool.withConnection(name, ({ client, metadata }) => ({
          client: client as unknown as GrpcClient,
          metadata,
        }))
      }
    }
    const etcd = new OneMember({
      hosts: host,
      grpcOptions: {
        'grpc.keepalive_time_ms': options.keepaliveTimeMs,
        'grpc.keepalive_timeout_ms': options.keepaliveTimeoutMs,
        'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
        'grpc.max_send_message_length': -1,
        // A pool for the whole process would hand a new client the broken connection of the one before.
        'grpc.use_local_subchannel_pool': 1,
        // Spares a TXT query for `_grpc_config.<host>`.
        'grpc.service_config_disable_resolution': 1,
        // `http_proxy` in the environment is meant for the web.
        'grpc.enable_http_proxy': 0,
      },
    })
    return new EtcdClient(etcd, await etcd.service('KV'), await etcd.service('Watch'))
  }

  /** Without a time-out only for pages of a load: a large one may take etcd long, and keepalive sees when it is gone. */
  range(request: RangeRequest, timeoutMs?: number): Promise<RangeResponse> {
    return this.#call('range', request, timeoutMs)
  }

  txn(request: TxnRequest, timeoutMs: number): Promise<TxnResponse> {
    return this.#call('txn', request, timeoutMs)
  }

  /** One watch on a stream of its own, ended by `cancel`. Iterating throws when the stream fails. */
  watch(request: WatchRequest): AsyncIterable<WatchResponse> & { cancel(): void } {
    const stream = this.#watch.client.watch(this.#watch.metadata, {})
    this.#calls.add(stream)
    // The iteration throws what goes wrong. This one hears what comes when nobody iterates, the cancel of `close` above all.
    stream.on('error', () => {})
    stream.write({ create_request: { ...request, progress_notify: true } })
    return stream
  }

  /** Ends all calls and streams with an error. */
  close(): void {
    // In this order: a call that fails makes etcd3 wait a second for a channel that is connecting before it closes it, unless it is shut.
    this.#kv.client.close()
    this.#watch.client.close()
    for (const call of this.#calls) call.cancel()
    this.#calls.clear()
    this.#etcd.close()
  }

  #call<Response>(method: 'range' | 'txn', request: unknown, timeoutMs: number | undefined): Promise<Response> {
    const { client, metadata } = this.#kv
    const callOptions = timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs }
    return new Promise((resolve, reject) => {
      const call = client[method](request, metadata, callOptions, (error, response) => {
        this.#calls.delete(call)
        if (error) reject(error)
        else resolve(response as Response)
      })
      this.#calls.add(call)
    })
  }
}

interface Call {
  cancel(): void
}

interface WatchStream extends Call, AsyncIterable<WatchResponse> {
  on(event: 'error', listener: (error: Error) => void): this
  write(message: object): void
}

/** A gRPC client as grpc-js makes it from etcd's protocol files. */
interface GrpcClient {
  range(
    request: unknown,
    metadata: unknown,
    options: object,
    done: (error: Error | null, response: unknown) => void,
  ): Call
  txn(
    request: unknown,
    metadata: unknown,
    options: object,
    done: (error: Error | null, response: unknown) => void,
  ): Call
  watch(metadata: unknown, options: object): WatchStream
  close(): void
}

interface Service {
  readonly client: GrpcClient
  /** Carries the credentials. */
  readonly metadata: unknown
}
