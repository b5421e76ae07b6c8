import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { KubeObject } from '../kubernetes/objects.js'

interface Event {
  readonly version: number
  readonly kind: string
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly object: KubeObject
}

interface Watch {
  readonly kind: string
  readonly namespace: string
  readonly from: number
  readonly response: ServerResponse
}

/** What a simulator held at a moment. */
export interface Backup {
  readonly version: number
  readonly objects: ReadonlyMap<string, KubeObject>
}

/**
 * A simulator of the list and watch part of a Kubernetes API server, over plain HTTP: pages, bookmarks, versions that are gone, answers
 * that are late or cut. It stands in where a real one cannot fail on demand, and proves nothing about Kubernetes.
 */
export class KubeSimulator implements AsyncDisposable {
  /** Every request, as method, path and query. */
  readonly requests: string[] = []
  /** The status that a request is answered with in the place of its answer. */
  failWith: ((path: string, query: URLSearchParams) => number | undefined) | undefined
  /** Waited for before a request is answered. */
  delay: ((path: string, query: URLSearchParams) => Promise<void> | undefined) | undefined
  /** A watch from a version that is gone is told so by a status, as new servers do, or by an event, as old ones. */
  tellsGoneBy: 'status' | 'event' = 'event'
  readonly kubeconfig: string
  readonly #folder = mkdtempSync(join(tmpdir(), 'kube-simulator-'))
  #server: Server | undefined
  #port = 0
  #version = 100
  /** Versions up to this are gone. */
  #compacted = 100
  #objects = new Map<string, KubeObject>()
  #events: Event[] = []
  readonly #watches = new Set<Watch>()
  readonly #sockets = new Set<Socket>()

  private constructor() {
    this.kubeconfig = join(this.#folder, 'config')
  }

  static async start(): Promise<KubeSimulator> {
    const simulator = new KubeSimulator()
    await simulator.restart()
    simulator.#writeConfig()
    return simulator
  }

  get version(): number {
    return this.#version
  }

  get watchCount(): number {
    return this.#watches.size
  }

  /** As `kubectl apply`. */
  put(kind: string, ...objects: KubeObject[]): void {
    for (const object of objects) {
      const key = keyOf(kind, object)
      const type = this.#objects.has(key) ? 'MODIFIED' : 'ADDED'
      this.#commit(kind, type, object, key)
    }
  }

  delete(kind: string, object: KubeObject): void {
    this.#commit(kind, 'DELETED', object, keyOf(kind, object))
  }

  deleteAll(kind: string): void {
    for (const [key, object] of [...this.#objects])
      if (key.startsWith(`${kind} `)) this.#commit(kind, 'DELETED', object, key)
  }

  /** Forgets what has changed so far: who wants to go on from there has to list anew. */
  compact(): void {
    this.#compacted = this.#version
    this.#events = []
  }

  /** Tells all watches of the version that there is. */
  bookmark(): void {
    this.#version++
    for (const { kind, response } of this.#watches) {
      send(response, 'BOOKMARK', { kind, metadata: { resourceVersion: String(this.#version), name: '' } })
    }
  }

  /** As bytes, in the middle of whatever is being told. */
  sendRaw(text: string): void {
    for (const { response } of this.#watches) response.write(text)
  }

  /** In the orderly way, as a server does every few minutes. */
  endWatches(): void {
    for (const { response } of this.#watches) response.end()
    this.#watches.clear()
  }

  /** As a load balancer that has lost them. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#watches.clear()
  }

  backup(): Backup {
    return { version: this.#version, objects: new Map(this.#objects) }
  }

  /** As etcd restored: older objects and older versions, and another history from there on. */
  restore({ version, objects }: Backup): void {
    this.#version = version
    this.#compacted = version
    this.#events = []
    this.#objects = new Map(objects)
    this.cut()
  }

  /** Nobody answers any more. */
  async stop(): Promise<void> {
    const server = this.#server
    if (server === undefined) return
    this.#server = undefined
    server.close()
    this.cut()
    await once(server, 'close')
  }

  /** On the same port. */
  async restart(): Promise<void> {
    const server = createServer((request, response) => void this.#answer(request, response))
    server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
    server.listen(this.#port, '127.0.0.1')
    await once(server, 'listening')
    this.#port = (server.address() as AddressInfo).port
    this.#server = server
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    rmSync(this.#folder, { recursive: true })
  }

  #commit(kind: string, type: Event['type'], given: KubeObject, key: string): void {
    const version = ++this.#version
    const object = { ...given, metadata: { ...given.metadata, resourceVersion: String(version) } }
    if (type === 'DELETED') this.#objects.delete(key)
    else this.#objects.set(key, object)
    const event = { version, kind, type, object }
    this.#events.push(event)
    for (const watch of this.#watches) tell(watch, event)
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url!, 'http://simulator')
    this.requests.push(`${request.method} ${request.url}`)
    await this.delay?.(pathname, searchParams)
    const status = this.failWith?.(pathname, searchParams)
    const resource = /^\/apis?\/(?:discovery\.k8s\.io\/)?v1(?:\/namespaces\/([^/]+))?\/(\w+)$/.exec(pathname)
    if (status !== undefined) {
      fail(response, status, 'as the test wants it')
      return
    }
    if (request.headers.authorization !== 'Bearer secret') {
      fail(response, 401, 'Unauthorized')
      return
    }
    if (resource === null) {
      fail(response, 404, 'no such resource')
      return
    }
    const [, namespace = '', kind] = resource
    if (searchParams.has('watch')) this.#watch(kind!, namespace, searchParams, response)
    else this.#list(kind!, namespace, searchParams, response)
  }

  #list(kind: string, namespace: string, query: URLSearchParams, response: ServerResponse): void {
    const [listVersion, from] = (query.get('continue') ?? `${this.#version}:0`).split(':').map(Number) as [
      number,
      number,
    ]
    if (listVersion < this.#compacted) {
      fail(response, 410, 'the continue token is too old')
      return
    }
    const limit = Number(query.get('limit') ?? Number.POSITIVE_INFINITY)
    const selector = query.get('labelSelector')
    const all = [...this.#objects]
      .filter(
        ([key, object]) =>
          key.startsWith(`${kind} ${namespace === '' ? '' : `${namespace}/`}`) && isSelected(object, selector),
      )
      .map(([, object]) => object)
    const items = all.slice(from, from + limit)
    const rest = from + limit < all.length ? { continue: `${listVersion}:${from + limit}` } : {}
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ kind: 'List', metadata: { resourceVersion: String(listVersion), ...rest }, items }))
  }

  #watch(kind: string, namespace: string, query: URLSearchParams, response: ServerResponse): void {
    const from = Number(query.get('resourceVersion'))
    const isGone = from < this.#compacted
    if (isGone && this.tellsGoneBy === 'status') {
      fail(response, 410, 'too old resource version')
      return
    }
    response.writeHead(200, { 'content-type': 'application/json' })
    response.flushHeaders()
    if (isGone) {
      send(response, 'ERROR', { kind: 'Status', code: 410, message: 'too old resource version' })
      response.end()
      return
    }
    // From a version that is still to come nothing is told until then, as kube-apiserver 1.34 has it.
    const watch = { kind, namespace, from, response }
    for (const event of this.#events) tell(watch, event)
    this.#watches.add(watch)
    response.once('close', () => this.#watches.delete(watch))
  }

  #writeConfig(): void {
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'simulator',
      clusters: [{ name: 'simulator', cluster: { server: `http://127.0.0.1:${this.#port}` } }],
      users: [{ name: 'tester', user: { token: 'secret' } }],
      contexts: [{ name: 'simulator', context: { cluster: 'simulator', user: 'tester' } }],
    }
    // JSON is YAML.
    writeFileSync(this.kubeconfig, JSON.stringify(config))
  }
}

function keyOf(kind: string, { metadata }: KubeObject): string {
  return `${kind} ${metadata.namespace ?? ''}/${metadata.name}`
}

function isSelected({ metadata }: KubeObject, selector: string | null): boolean {
  if (selector === null) return true
  const [label, value] = selector.split('=') as [string, string]
  return (metadata['labels'] as Record<string, string> | undefined)?.[label] === value
}

function tell({ kind, namespace, from, response }: Watch, event: Event): void {
  if (event.version <= from) return
  const isOfNamespace = namespace === '' || event.object.metadata.namespace === namespace
  if (event.kind === kind && isOfNamespace) send(response, event.type, event.object)
}

function send(response: ServerResponse, type: string, object: unknown): void {
  response.write(`${JSON.stringify({ type, object })}\n`)
}

function fail(response: ServerResponse, code: number, message: string): void {
  response.writeHead(code, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ kind: 'Status', status: 'Failure', code, message }))
}
