/** The files that run in worker threads. A host that bundles the library passes URLs of its own. */
export interface WorkerFiles {
  /** The DNS threads; default: `workers/dns-worker.js` beside the library's own files. */
  dns?: string | URL
  /** The stream thread, which answers over TCP; default: `workers/stream-worker.js`. */
  stream?: string | URL
  /** The forward thread, which asks upstreams; default: `workers/forward-worker.js`. */
  forward?: string | URL
  /** The export thread, which writes the query log and dnstap; default: `workers/export-worker.js`. */
  export?: string | URL
  /** The thread that reads everything there is from a store or a file; default: `workers/loader.js`. */
  loader?: string | URL
  /** The thread that probes addresses; default: `workers/probe-worker.js`. */
  probe?: string | URL
}

export interface ParsedWorkerFiles {
  readonly dns: string
  readonly stream: string
  readonly forward: string
  readonly export: string
  readonly loader: string
  readonly probe: string
}

/** The one place that knows where workers lie: entries are built at the root of `dist`, workers in `dist/workers`. */
export function workerFiles(given: WorkerFiles = {}): ParsedWorkerFiles {
  return Object.freeze({
    dns: String(given.dns ?? new URL('./workers/dns-worker.js', import.meta.url)),
    stream: String(given.stream ?? new URL('./workers/stream-worker.js', import.meta.url)),
    forward: String(given.forward ?? new URL('./workers/forward-worker.js', import.meta.url)),
    export: String(given.export ?? new URL('./workers/export-worker.js', import.meta.url)),
    loader: String(given.loader ?? new URL('./workers/loader.js', import.meta.url)),
    probe: String(given.probe ?? new URL('./workers/probe-worker.js', import.meta.url)),
  })
}
