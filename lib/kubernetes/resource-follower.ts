import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '../clock.js'
import { type KubeClient, KubeStatusError } from './kube-client.js'
import { type PageMetadata, pageItems } from './list-page.js'
import type { ParsedClusterOptions } from './options.js'
import { WatchLines } from './watch-events.js'

/** One kind of objects, and where they are read. */
export interface Resource {
  /** `/api/v1/namespaces/default/services` */
  readonly path: string
  readonly labelSelector: string | undefined
}

/** Who wants to know of the objects. */
export interface ResourceListener {
  /** All objects that there are will be put, and then `listed` is called, or this once more. */
  listing(): void
  /** Throws for what is no such object, which is not followed then. */
  put(object: unknown): void
  delete(object: unknown): void
  /** All objects have been put of which a list has told: the others are gone. */
  listed(): void
  /** After events that came together, and after each page of a list. Waits while the listener is busy. */
  flush(): Promise<void> | void
  /** undefined while this slice of the event loop has time left. */
  pause(): Promise<void> | undefined
  /** Changes of state: a watch is open, or one attempt has failed. */
  following(): void
  failing(cause: Error): void
  /** An object could not be understood. */
  bad(object: unknown, cause: Error): void
}

export interface ResourceFollowerOptions {
  readonly client: KubeClient
  readonly resource: Resource
  readonly clusterOptions: ParsedClusterOptions
  readonly listener: ResourceListener
  readonly clock: Clock
}

/**
 * Lists a kind of objects, page by page, and follows their changes, from `run` until its signal is aborted.
 *
 * A watch that ends goes on from the last version it told. Everything is listed anew when the server has that version no longer
 * (410), could not be reached in between, or says anything that we did not expect: it may have been restored since, and count
 * versions of another history. The server does not tell by itself that a watch begins at a version which is still to come: kube-apiserver 1.34
 * says nothing at all until it has got there. So it is asked before each watch that goes on.
 */
export class ResourceFollower {
  readonly #options: ResourceFollowerOptions
  #version = ''
  #lastContactAt = 0
  #lists = 0
  #mustList = true
  /** When everything is to be listed again, by the clock that never steps back. */
  #listAgainAt = Number.POSITIVE_INFINITY
  /** A list that took longer than the server keeps its pages is read in one. */
  #listsInPages = true

  constructor(options: ResourceFollowerOptions) {
    this.#options = options
  }

  /** What the API server last said; '' before the first list. */
  get version(): string {
    return this.#version
  }

  /** Milliseconds since 1970. */
  get lastContactAt(): number {
    return this.#lastContactAt
  }

  get lists(): number {
    return this.#lists
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, clusterOptions } = this.#options
    const { firstRetryMs, longestRetryMs } = clusterOptions.tuning
    let retryMs = firstRetryMs
    while (!signal.aborted) {
      const startedAt = clock.monotonicMs()
      await this.#follow(signal)
      // One that held for a while was no part of a series of failures.
      if (clock.monotonicMs() - startedAt > longestRetryMs) retryMs = firstRetryMs
      await wait(retryMs, signal)
      retryMs = Math.min(2 * retryMs, longestRetryMs)
    }
  }

  /** A list, if one is needed, and a watch until it ends. Never throws. */
  async #follow(signal: AbortSignal): Promise<void> {
    try {
      if (this.#mustList || this.#isListDue() || (await this.#isAheadOfServer(signal))) await this.#list(signal)
      this.#mustList = false
      await this.#watch(signal)
    } catch (cause) {
      if (signal.aborted) return
      this.#mustList = true
      if (!isExpired(cause)) this.#options.listener.failing(cause as Error)
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { listener, clock, clusterOptions } = this.#options
    let page: PageMetadata | undefined
    listener.listing()
    do {
      try {
        page = await this.#readPage(page?.continueAt ?? '', signal)
      } catch (cause) {
        if (page !== undefined && isExpired(cause)) this.#listsInPages = false
        throw cause
      }
      await listener.flush()
    } while (page.continueAt !== '')
    this.#listsInPages = true
    this.#version = page.resourceVersion
    this.#lists++
    const { relistIntervalMs } = clusterOptions
    if (relistIntervalMs > 0) this.#listAgainAt = clock.monotonicMs() + relistIntervalMs * (0.9 + Math.random() / 5)
    listener.listed()
    await listener.flush()
  }

  #isListDue(): boolean {
    return this.#options.clock.monotonicMs() >= this.#listAgainAt
  }

  /** Whether what we have seen is still to come for the server: it has been restored from a backup. */
  async #isAheadOfServer(signal: AbortSignal): Promise<boolean> {
    const query = this.#query()
    query.set('limit', '1')
    const items = await this.#page(query, signal)
    let step = items.next()
    while (step.done !== true) step = items.next()
    return isBefore(step.value.resourceVersion, this.#version)
  }

  async #readPage(continueAt: string, signal: AbortSignal): Promise<PageMetadata> {
    const { listener, clusterOptions } = this.#options
    const query = this.#query()
    if (this.#listsInPages) query.set('limit', String(clusterOptions.tuning.pageSize))
    if (continueAt !== '') query.set('continue', continueAt)
    const items = await this.#page(query, signal)
    for (let step = items.next(); ; step = items.next()) {
      if (step.done === true) return step.value
      this.#put(step.value)
      await pauseOf(listener, signal)
    }
  }

  async #page(query: URLSearchParams, signal: AbortSignal): Promise<ReturnType<typeof pageItems>> {
    const chunks: Buffer[] = []
    for await (const chunk of await this.#get(query, signal)) {
      chunks.push(chunk as Buffer)
      this.#heard()
    }
    return pageItems(Buffer.concat(chunks))
  }

  /** Returns when it has ended or was cut; throws when it could not begin, or the server says that something is wrong. */
  async #watch(signal: AbortSignal): Promise<void> {
    const query = this.#query()
    query.set('watch', 'true')
    query.set('allowWatchBookmarks', 'true')
    query.set('resourceVersion', this.#version)
    query.set('timeoutSeconds', String(this.#watchSeconds()))
    const body = await this.#get(query, signal)
    this.#heard()
    this.#options.listener.following()
    const lines = new WatchLines()
    try {
      for await (const chunk of untilCut(body)) {
        this.#heard()
        await this.#take(lines, chunk, signal)
        await this.#options.listener.flush()
      }
    } finally {
      body.destroy()
    }
  }

  async #take(lines: WatchLines, chunk: Buffer, signal: AbortSignal): Promise<void> {
    const { listener } = this.#options
    for (const { type, object, resourceVersion } of lines.add(chunk)) {
      if (type === 'DELETED') listener.delete(object)
      else if (type !== 'BOOKMARK') this.#put(object)
      this.#version = resourceVersion
      await pauseOf(listener, signal)
    }
  }

  #put(object: unknown): void {
    const { listener } = this.#options
    try {
      listener.put(object)
    } catch (cause) {
      listener.bad(object, cause as Error)
    }
  }

  /** So that many servers do not come back at once; never beyond the time for a list. */
  #watchSeconds(): number {
    const { clock, clusterOptions } = this.#options
    const seconds = clusterOptions.tuning.watchSeconds * (1 + Math.random() / 2)
    return Math.max(1, Math.ceil(Math.min(seconds, (this.#listAgainAt - clock.monotonicMs()) / 1000)))
  }

  #query(): URLSearchParams {
    const { labelSelector } = this.#options.resource
    return new URLSearchParams(labelSelector === undefined ? {} : { labelSelector })
  }

  #get(query: URLSearchParams, signal: AbortSignal): Promise<Readable> {
    const { client, resource, clusterOptions } = this.#options
    return client.get(resource.path, query, clusterOptions.tuning.responseTimeoutMs, signal)
  }

  #heard(): void {
    this.#lastContactAt = this.#options.clock.wallMs()
  }
}

/** The pieces of a body until it ends, be it by force: then the next attempt will tell whether the server is still there. */
async function* untilCut(body: Readable): AsyncGenerator<Buffer, void, void> {
  const pieces = body[Symbol.asyncIterator]()
  for (;;) {
    let piece: IteratorResult<unknown>
    try {
      piece = await pieces.next()
    } catch {
      return
    }
    if (piece.done === true) return
    yield piece.value as Buffer
  }
}

const NUMBER = /^\d+$/

/** Versions are numbers by which they can be compared (KEP-5504); of others nothing is known. */
function isBefore(version: string, other: string): boolean {
  return NUMBER.test(version) && NUMBER.test(other) && BigInt(version) < BigInt(other)
}

function isExpired(cause: unknown): boolean {
  return cause instanceof KubeStatusError && cause.status === 410
}

async function pauseOf(listener: ResourceListener, signal: AbortSignal): Promise<void> {
  const pause = listener.pause()
  if (pause === undefined) return
  await pause
  signal.throwIfAborted()
}

/** Half of the time for sure, the other half by chance, so that an API server that comes back is not met by all at once. */
async function wait(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms * (0.5 + Math.random() / 2), undefined, { signal })
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
