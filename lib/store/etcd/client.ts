import type { Etcd3 } from 'etcd3'
import type { Call, GrpcClient, GrpcMetadata, GrpcService, UnaryMethod } from './grpc-client.js'
import type {
  LeaseGrantResponse,
  RangeRequest,
  RangeResponse,
  TxnRequest,
  TxnResponse,
  WatchRequest,
  WatchResponse,
} from './messages.js'
import { isLoginUnneeded, isTokenRefusal } from './refusal.js'
import { type ParsedTls, readTls, type ServerCheck, serverCheck } from './tls.js'

// The one door to etcd3. We use its protocol files, its connections and its credentials, and go around its own `Watcher`,
// retries and circuit breaker: a watch that the server cancels is never made again and blocks those after it, a connection lost
// during a replay loses events, and an event of an unknown watch is an exception that nobody can catch (etcd3 1.1.2, tried).

/** The watch id of an answer to `requestProgress`, which is for all watches of a stream. */
export const ASKED_PROGRESS = '-1'

/** A watch on a stream of its own. Iterating throws when the stream fails. */
export interface Watch extends AsyncIterable<WatchResponse> {
  /** Asks for a response without events. etcd sends one at once, or as soon as the watch has caught up. */
  requestProgress(): void
  cancel(): void
}

/** What of the store's options is about connections. */
export interface EtcdConnectionOptions {
  /** How long logging in may take. */
  readonly requestTimeoutMs: number
  readonly tls: ParsedTls | undefined
  readonly auth: { readonly username: string; readonly password: string } | undefined
  readonly tuning: {
    /** How long a connection may be silent before we ask whether anyone is there, and then how long we wait for an answer. */
    readonly keepaliveTimeMs: number
    readonly keepaliveTimeoutMs: number
  }
}

/** gRPC's number for a message that is larger than we take. */
export const RESOURCE_EXHAUSTED = 8

/** A page of 10 000 ordinary records is 2 MB, and gRPC's own limit is 4. What is larger than this is asked for again in smaller pages. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024

/**
 * A connection to one member of etcd. It fails on the first error and tries nothing again: what to do then, and with which
 * member, is for the caller to say. Errors are gRPC's, with a `code`.
 *
 * The one exception is a token that etcd does not take: the call had no effect, and is made once more with a new token.
 */
export class EtcdClient {
  readonly #etcd: Etcd3
  readonly #kv: GrpcService
  readonly #watch: GrpcService
  readonly #auth: GrpcService
  readonly #lease: GrpcService
  readonly #options: EtcdConnectionOptions
  readonly #calls = new Set<Call>()
  #login: Promise<GrpcMetadata> | undefined
  /** That of the last login. */
  #metadata: GrpcMetadata

  private constructor(
    etcd: Etcd3,
    services: {
      readonly kv: GrpcService
      readonly watch: GrpcService
      readonly auth: GrpcService
      readonly lease: GrpcService
    },
    options: EtcdConnectionOptions,
  ) {
    this.#etcd = etcd
    this.#kv = services.kv
    this.#watch = services.watch
    this.#auth = services.auth
    this.#lease = services.lease
    this.#options = options
    this.#metadata = services.kv.metadata
  }

  /** Connects and logs in with the first call, not before. Throws when a file of the TLS options cannot be read. */
  static async connect(host: string, options: EtcdConnectionOptions): Promise<EtcdClient> {
    // Importing it takes 170 ms, so only those pay who use it.
    const { Etcd3 } = await import('etcd3')
    const { tls, tuning } = options
    const check: ServerCheck = tls === undefined ? {} : serverCheck(tls, host.slice(0, host.lastIndexOf(':')))
    class OneMember extends Etcd3 {
      service(name: 'KV' | 'Watch' | 'Auth' | 'Lease'): Promise<GrpcService> {
        return this.pool.withConnection(name, ({ resource, client, metadata }) => {
          if (tls !== undefined) verifyAs(resource, tls, check)
          return { client: client as unknown as GrpcClient, metadata: metadata as unknown as GrpcMetadata }
        })
      }
    }
    const etcd = new OneMember({
      hosts: tls === undefined ? host : `https://${host}`,
      // No `auth`: etcd3 logs in without a deadline, over a connection that it never closes and that `grpcOptions` do not reach.
      ...(tls === undefined ? {} : credentials(tls)),
      grpcOptions: {
        'grpc.keepalive_time_ms': tuning.keepaliveTimeMs,
        'grpc.keepalive_timeout_ms': tuning.keepaliveTimeoutMs,
        'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
        'grpc.max_send_message_length': -1,
        // A pool for the whole process would hand a new client the broken connection of the one before.
        'grpc.use_local_subchannel_pool': 1,
        // Spares a TXT query for `_grpc_config.<host>`.
        'grpc.service_config_disable_resolution': 1,
        // `http_proxy` in the environment is meant for the web.
        'grpc.enable_http_proxy': 0,
        ...(check.nameSent === undefined ? {} : { 'grpc.ssl_target_name_override': check.nameSent }),
      },
    })
    const services = {
      kv: await etcd.service('KV'),
      watch: await etcd.service('Watch'),
      auth: await etcd.service('Auth'),
      lease: await etcd.service('Lease'),
    }
    return new EtcdClient(etcd, services, options)
  }

  /** Without a time-out only for pages of a load: a large one may take etcd long, and keepalive sees when it is gone. */
  range(request: RangeRequest, timeoutMs?: number): Promise<RangeResponse> {
    return this.#call(this.#kv.client, 'range', request, timeoutMs)
  }

  txn(request: TxnRequest, timeoutMs: number): Promise<TxnResponse> {
    return this.#call(this.#kv.client, 'txn', request, timeoutMs)
  }

  /** A lease of so many seconds; its ID. */
  async grantLease(seconds: number, timeoutMs: number): Promise<string> {
    const request = { TTL: seconds }
    const { ID } = await this.#call<LeaseGrantResponse>(this.#lease.client, 'leaseGrant', request, timeoutMs)
    return ID
  }

  /** Keys that belong to the lease are gone when this resolves. */
  async revokeLease(id: string, timeoutMs: number): Promise<void> {
    await this.#call(this.#lease.client, 'leaseRevoke', { ID: id }, timeoutMs)
  }

  /** Has the lease begin anew. Whether there still is one. Not the first call of a client, which is what logs in. */
  async keepLease(id: string, timeoutMs: number): Promise<boolean> {
    const stream = this.#lease.client.leaseKeepAlive(this.#metadata, { deadline: Date.now() + timeoutMs })
    this.#calls.add(stream)
    stream.on('error', () => {})
    try {
      stream.write({ ID: id })
      for await (const { TTL } of stream) return Number(TTL) > 0
      return false
    } finally {
      this.#calls.delete(stream)
      stream.cancel()
    }
  }

  /** One watch on a stream of its own, ended by `cancel`. Not the first call of a client, which is what logs in. */
  watch(request: WatchRequest): Watch {
    const metadata = this.#metadata.clone()
    // A member that has lost its cluster ends the watch, instead of leaving us with what it knew.
    metadata.set('hasleader', 'true')
    const stream = this.#watch.client.watch(metadata, {})
    this.#calls.add(stream)
    // The iteration throws what goes wrong. This one hears what comes when nobody iterates, the cancel of `close` above all.
    stream.on('error', () => {})
    stream.write({ create_request: { ...request, progress_notify: true } })
    return {
      [Symbol.asyncIterator]: () => stream[Symbol.asyncIterator](),
      requestProgress: () => void stream.write({ progress_request: {} }),
      cancel: () => {
        this.#calls.delete(stream)
        stream.cancel()
      },
    }
  }

  /** Ends all calls and streams with an error. */
  close(): void {
    // In this order: a call that fails makes etcd3 wait a second for a channel that is connecting before it closes it, unless it is shut.
    this.#kv.client.close()
    this.#watch.client.close()
    this.#auth.client.close()
    this.#lease.client.close()
    for (const call of this.#calls) call.cancel()
    this.#calls.clear()
    this.#etcd.close()
  }

  async #call<Response>(
    client: GrpcClient,
    method: UnaryMethod,
    request: unknown,
    timeoutMs: number | undefined,
  ): Promise<Response> {
    const deadline = timeoutMs === undefined ? undefined : Date.now() + timeoutMs
    if (this.#options.auth === undefined) return this.#send(client, method, request, this.#metadata, deadline)
    const { login, metadata } = await this.#loggedIn(deadline)
    try {
      return await this.#send(client, method, request, metadata, deadline)
    } catch (error) {
      if (!isTokenRefusal(error)) throw error
      // Whoever comes first logs in anew; the others take what that has brought.
      if (this.#login === login) this.#login = undefined
      return await this.#send(client, method, request, (await this.#loggedIn(deadline)).metadata, deadline)
    }
  }

  async #loggedIn(deadline: number | undefined): Promise<{ login: Promise<GrpcMetadata>; metadata: GrpcMetadata }> {
    this.#login ??= this.#logIn(deadline)
    const login = this.#login
    try {
      return { login, metadata: await login }
    } catch (error) {
      if (this.#login === login) this.#login = undefined
      throw error
    }
  }

  /** The deadline is that of the call that comes first, and others may wait for it, too. */
  async #logIn(deadline: number | undefined): Promise<GrpcMetadata> {
    const { auth, requestTimeoutMs } = this.#options
    const metadata = this.#auth.metadata.clone()
    const request = { name: auth!.username, password: auth!.password }
    try {
      const { token } = await this.#send<{ token: string }>(
        this.#auth.client,
        'authenticate',
        request,
        metadata,
        deadline ?? Date.now() + requestTimeoutMs,
      )
      metadata.set('token', token)
    } catch (error) {
      // "authentication is not enabled": then nobody asks who we are.
      if (!isLoginUnneeded(error)) throw error
    }
    this.#metadata = metadata
    return metadata
  }

  #send<Response>(
    client: GrpcClient,
    method: UnaryMethod,
    request: unknown,
    metadata: GrpcMetadata,
    deadline: number | undefined,
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      const call = client[method](request, metadata, deadline === undefined ? {} : { deadline }, (error, response) => {
        this.#calls.delete(call)
        if (error) reject(error)
        else resolve(response as Response)
      })
      this.#calls.add(call)
    })
  }
}

function credentials(tls: ParsedTls): object {
  const { ca, cert, key } = readTls(tls)
  return { credentials: { rootCertificate: ca, privateKey: key, certChain: cert } }
}

/** What grpc-js takes as a fourth argument that etcd3 does not pass on. It is read when the first call connects, so this is in time. */
function verifyAs(host: object, tls: ParsedTls, { checkServerIdentity }: ServerCheck): void {
  const { verifyOptions } = (host as { readonly channelCredentials: { readonly verifyOptions: object } })
    .channelCredentials
  Object.assign(verifyOptions, {
    rejectUnauthorized: tls.rejectUnauthorized,
    ...(checkServerIdentity === undefined ? {} : { checkServerIdentity }),
  })
}
