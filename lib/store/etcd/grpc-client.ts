import type { LeaseKeepAliveResponse, WatchResponse } from './messages.js'

// As much as we use of what grpc-js makes from etcd's protocol files.

export interface Call {
  cancel(): void
}

interface WatchStream extends Call, AsyncIterable<WatchResponse> {
  on(event: 'error', listener: (error: Error) => void): this
  write(message: object): void
}

interface LeaseStream extends Call, AsyncIterable<LeaseKeepAliveResponse> {
  on(event: 'error', listener: (error: Error) => void): this
  write(message: object): void
}

export type UnaryMethod = 'range' | 'txn' | 'authenticate' | 'leaseGrant' | 'leaseRevoke'

export type GrpcClient = {
  readonly [Method in UnaryMethod]: (
    request: unknown,
    metadata: GrpcMetadata,
    options: object,
    done: (error: Error | null, response: unknown) => void,
  ) => Call
} & {
  watch(metadata: GrpcMetadata, options: object): WatchStream
  leaseKeepAlive(metadata: GrpcMetadata, options: object): LeaseStream
  close(): void
}

export interface GrpcMetadata {
  set(key: string, value: string): void
  clone(): GrpcMetadata
}

export interface GrpcService {
  readonly client: GrpcClient
  /** Empty, for us to fill. */
  readonly metadata: GrpcMetadata
}
