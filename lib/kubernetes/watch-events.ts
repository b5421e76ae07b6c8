import { KubeStatusError } from './kube-client.js'

/** A line of a watch. */
export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'
  readonly object: unknown
  /** The version that the resources have with it. */
  readonly resourceVersion: string
}

/** etcd takes values of 1.5 MB; nothing that an API server sends is longer than this. */
const MAX_LINE_BYTES = 32 * 1024 * 1024
const LINE_FEED = 0x0a
const TYPES: ReadonlySet<unknown> = new Set(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK'])

/** Cuts the body of a watch into its lines, whatever pieces it comes in. */
export class WatchLines {
  #pieces: Buffer[]
  #size: number

  constructor() {
    this.#pieces = []
    this.#size = 0
  }

  /** The events that this piece completes. Throws SyntaxError, and KubeStatusError for what the server says has gone wrong. */
  *add(chunk: Buffer): Generator<WatchEvent, void, void> {
    let start = 0
    for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, start)) {
      const line = this.#take(chunk.subarray(start, end))
      start = end + 1
      if (line.trim() !== '') yield parseEvent(line)
    }
    if (start === chunk.length) return
    this.#pieces.push(chunk.subarray(start))
    this.#size += chunk.length - start
    if (this.#size > MAX_LINE_BYTES) throw new SyntaxError(`a line of a watch has over ${MAX_LINE_BYTES} bytes`)
  }

  #take(last: Buffer): string {
    const line = Buffer.concat([...this.#pieces, last]).toString('utf8')
    this.#pieces = []
    this.#size = 0
    return line
  }
}

function parseEvent(line: string): WatchEvent {
  const { type, object } = (JSON.parse(line) ?? {}) as Record<string, unknown>
  if (type === 'ERROR') {
    const { code, message } = (object ?? {}) as Record<string, unknown>
    throw new KubeStatusError(typeof code === 'number' ? code : 500, `the watch has ended: ${String(message)}`)
  }
  const { resourceVersion } = (object as { metadata?: { resourceVersion?: unknown } } | null)?.metadata ?? {}
  if (!TYPES.has(type) || typeof resourceVersion !== 'string') throw new SyntaxError('a line of a watch is no event')
  return { type: type as WatchEvent['type'], object, resourceVersion }
}
