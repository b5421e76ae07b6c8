import { ContainerDnsError, ERROR_CODES, type ErrorCode } from '../errors.js'
import type { PostedSegment } from './segment-inbox.js'

/** What the main thread posts to a thread. Read with `receiveMessageOnPort`, since the thread may have no event loop. */
export type MessageToThread =
  | ({ readonly type: 'segment' } & PostedSegment)
  /** How queries are answered from the next batch on. Policies are numbered as they are posted. */
  | { readonly type: 'policy'; readonly number: number; readonly policy: object }
  /** For the forward thread: the ring of a thread that was run again; undefined for one that is dead. */
  | { readonly type: 'ring'; readonly thread: number; readonly ring: object | undefined }

/** What a thread posts to the main thread. */
export type MessageFromThread =
  | { readonly type: 'started'; readonly threadId: number }
  | { readonly type: 'serving' }
  /** The thread answers by a policy that was posted to it. */
  | { readonly type: 'policyTaken'; readonly number: number }
  | { readonly type: 'failed'; readonly error: PlainError }
  /** A hook has thrown, or returned what makes no sense. */
  | { readonly type: 'hookFault'; readonly hook: string; readonly error: PlainError }
  /** What the forward thread has to tell of upstreams, now and then. */
  | { readonly type: 'forwardStats'; readonly stats: object }
  | { readonly type: 'log'; readonly level: LogLevel; readonly fields: object; readonly text: string }
  /** Something failed that nobody waits for, and that the thread lives on with. */
  | { readonly type: 'error'; readonly error: PlainError }
  /** A thread that was run again could not import its hooks, and goes on without. */
  | { readonly type: 'hooksLost'; readonly error: PlainError }
  /** The certificate in a file was replaced, or could not be. */
  | { readonly type: 'certificate'; readonly file: string; readonly error: PlainError | undefined }
  /** Exported queries cannot be written where they should be, or can again. */
  | { readonly type: 'exportState'; readonly sink: string; readonly error: PlainError | undefined }
  /** Exported queries for who has subscribed; what stands in them is for `export/` to know. */
  | { readonly type: 'exported'; readonly queries: readonly object[] }

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** How a task that ends has ended. */
export type TaskOutcome<Result> = { readonly result: Result } | { readonly error: PlainError }

/** An error as a message can carry it: an Error that is posted arrives without its `name` and `code`. */
export interface PlainError {
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  readonly code: string | undefined
}

export function toPlainError(error: unknown): PlainError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), stack: undefined, code: undefined }
  const { code } = error as NodeJS.ErrnoException
  return {
    name: error.name,
    message: error.message,
    stack: error.stack,
    code: code === undefined ? undefined : String(code),
  }
}

export function fromPlainError(plain: PlainError): Error {
  const error =
    plain.code !== undefined && Object.hasOwn(ERROR_CODES, plain.code)
      ? new ContainerDnsError(plain.code as ErrorCode, plain.message)
      : Object.assign(new Error(plain.message), { name: plain.name, code: plain.code })
  if (plain.stack !== undefined) error.stack = plain.stack
  return error
}
