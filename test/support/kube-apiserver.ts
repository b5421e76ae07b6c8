import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { Agent, request as requestSecure } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { parseAllDocuments } from 'yaml'
import type { KubeObject } from '../kubernetes/objects.js'
import { eventually } from './eventually.js'
import { Etcd, freePorts } from './start-etcd.js'

const run = promisify(execFile)

const TOKEN = 'secret-of-the-administrator'
const READY_MS = 120_000
const LOOK_MS = 200
const RANGES = '10.96.0.0/16,fd00:10:96::/112'
const PATHS: Readonly<Record<string, string>> = {
  namespaces: '/api/v1',
  nodes: '/api/v1',
  services: '/api/v1',
  pods: '/api/v1',
  serviceaccounts: '/api/v1',
  endpointslices: '/apis/discovery.k8s.io/v1',
}

export interface KubeAnswer {
  readonly status: number
  readonly text: string
}

/**
 * A real kube-apiserver, of both families of addresses and with RBAC, on a free port of 127.0.0.1, with a real etcd of its own behind it.
 * `test/support/build-kube-apiserver.sh` makes the program; where that has not been run, `start` rejects and says so. There is no controller
 * manager: endpoints, and the end of a namespace, are the test's to write.
 */
export class KubeApiserver implements AsyncDisposable {
  readonly etcd: Etcd
  /** An administrator's. */
  readonly kubeconfig: string
  readonly program: string
  readonly #folder: string
  readonly #port: number
  readonly #hiddenPort: number
  #agent = new Agent({ keepAlive: true })
  #certificate = ''
  #askedPort: number
  #process: ChildProcess | undefined
  #output = ''

  private constructor(program: string, etcd: Etcd, folder: string, ports: readonly number[]) {
    this.etcd = etcd
    this.program = program
    this.#folder = folder
    this.#port = ports[0]!
    this.#hiddenPort = ports[1]!
    this.#askedPort = this.#port
    this.kubeconfig = join(folder, 'admin.config')
  }

  static async start(): Promise<KubeApiserver> {
    const built = await run('sh', ['test/support/build-kube-apiserver.sh', '--built']).catch((cause) => {
      throw new Error((cause as { stderr: string }).stderr.trim(), { cause })
    })
    const folder = await mkdtemp(join(tmpdir(), 'kube-apiserver-'))
    const etcd = await Etcd.start()
    const server = new KubeApiserver(built.stdout.trim(), etcd, folder, await freePorts(2))
    try {
      await run('openssl', ['genrsa', '-out', join(folder, 'accounts.key'), '2048'])
      await writeFile(join(folder, 'tokens.csv'), `${TOKEN},admin,1,"system:masters"\n`)
      await server.restart()
      await server.#writeConfig('admin', TOKEN)
    } catch (cause) {
      await server[Symbol.asyncDispose]()
      throw cause
    }
    return server
  }

  /** Where everybody but `request` asks. */
  get url(): string {
    return `https://127.0.0.1:${this.#port}`
  }

  /** PEM of who signed its certificate. */
  get authority(): string {
    return this.#certificate
  }

  get token(): string {
    return TOKEN
  }

  /** As a power cut: SIGKILL. Resolves when it is gone. */
  async kill(): Promise<void> {
    const process = this.#process
    if (process === undefined) return
    this.#process = undefined
    const exited = once(process, 'exit')
    process.kill('SIGKILL')
    await exited
    this.#agent.destroy()
    this.#agent = new Agent({ keepAlive: true })
  }

  /**
   * Starts it again on the same etcd; resolves once it is ready. `isHidden`: on a port that only `request` knows, as another API server of the
   * cluster that others have no way to.
   */
  async restart({
    flags = [],
    isHidden = false,
  }: {
    flags?: readonly string[]
    isHidden?: boolean
  } = {}): Promise<void> {
    await this.kill()
    this.#askedPort = isHidden ? this.#hiddenPort : this.#port
    this.#output = ''
    const server = spawn(this.program, [...this.#flags(), ...flags], { stdio: ['ignore', 'ignore', 'pipe'] })
    this.#process = server
    // A run that is broken off leaves none behind.
    const kill = () => void server.kill('SIGKILL')
    process.once('exit', kill)
    server.once('exit', () => process.off('exit', kill))
    server.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#output = (this.#output + text).slice(-4000)
    })
    await eventually(async () => {
      if (server.exitCode !== null) return
      await sleep(LOOK_MS)
      this.#certificate = await readFile(join(this.#folder, 'certs', 'apiserver.crt'), 'utf8')
      const { status, text } = await this.request('GET', '/readyz?verbose')
      if (status !== 200) throw new Error(`kube-apiserver is not ready: ${text}\n${this.#output}`)
    }, READY_MS)
    if (server.exitCode !== null) throw new Error(`kube-apiserver ended with ${server.exitCode}: ${this.#output}`)
  }

  /** Asks as an administrator. */
  async request(method: string, path: string, body?: unknown, type = 'application/json'): Promise<KubeAnswer> {
    const sent = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body)
    const headers = { authorization: `Bearer ${TOKEN}`, ...(sent !== undefined && { 'content-type': type }) }
    const options = { method, headers, agent: this.#agent, ca: this.#certificate, timeout: 30_000 }
    const request = requestSecure(`https://127.0.0.1:${this.#askedPort}${path}`, options)
    request.once('timeout', () => request.destroy(new Error('the API server was silent for 30 s')))
    request.end(sent)
    const [response] = (await once(request, 'response')) as [AsyncIterable<Buffer> & { statusCode: number }]
    const chunks: Buffer[] = []
    for await (const chunk of response) chunks.push(chunk)
    return { status: response.statusCode, text: Buffer.concat(chunks).toString('utf8') }
  }

  /** As `request`; rejects unless that was a success. Resolves to what came back. */
  async must(method: string, path: string, body?: unknown, type?: string): Promise<KubeObject> {
    const { status, text } = await this.request(method, path, body, type)
    if (status >= 300) throw new Error(`${method} ${path} was answered with ${status}: ${text}`)
    return JSON.parse(text) as KubeObject
  }

  /** Makes objects of a kind, or what was there of the same name into them. */
  async put(kind: string, ...objects: KubeObject[]): Promise<void> {
    for (const object of objects) {
      const { status, text } = await this.request('POST', collectionOf(kind, object), object)
      if (status === 409) await this.#replace(kind, object)
      else if (status >= 300)
        throw new Error(`POST ${kind} ${object.metadata.name} was answered with ${status}: ${text}`)
    }
  }

  /** Its namespace, if it has one, and its name suffice. Gone at once, without a time for its end. */
  async delete(kind: string, object: KubeObject): Promise<void> {
    await this.must('DELETE', `${collectionOf(kind, object)}/${object.metadata.name}?gracePeriodSeconds=0`)
  }

  /** A pod that runs, or has run, with these addresses. */
  async putPod(object: KubeObject): Promise<void> {
    const { metadata, status, spec } = object
    const containers = [{ name: 'main', image: 'example.org/none' }]
    await this.put('pods', { metadata, spec: { ...(spec as object | undefined), containers } })
    const path = `${collectionOf('pods', object)}/${metadata.name}/status`
    await this.must('PATCH', path, { status }, 'application/merge-patch+json')
  }

  /** Makes a namespace that is ending go for good: a controller manager would, once it is empty. */
  async endNamespace(name: string): Promise<void> {
    const path = `/api/v1/namespaces/${name}`
    const object = await this.must('DELETE', path)
    await this.must('PUT', `${path}/finalize`, { ...object, spec: { finalizers: [] } })
  }

  /** The objects of a file as `kubectl apply --server-side` has them taken, each field checked. `isDry`: checked only. */
  async apply(file: string, isDry = false): Promise<number> {
    const documents = parseAllDocuments(await readFile(file, 'utf8'))
    for (const document of documents) {
      const object = document.toJS() as KubeObject & { readonly apiVersion: string; readonly kind: string }
      const { apiVersion, kind, metadata } = object
      const group = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
      const scope = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`
      const query = `fieldManager=test&force=true&fieldValidation=Strict${isDry ? '&dryRun=All' : ''}`
      const path = `${group}${scope}/${pluralOf(kind)}/${metadata.name}?${query}`
      await this.must('PATCH', path, object, 'application/apply-patch+yaml')
    }
    return documents.length
  }

  /** Writes a kubeconfig for a service account, with a token that the API server has given for it. `server`: where it asks. */
  async accountConfig(namespace: string, name: string, server = this.url): Promise<string> {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`
    const { status } = (await this.must('POST', path, { spec: { expirationSeconds: 86_400 } })) as unknown as {
      status: { token: string }
    }
    return this.#writeConfig(name, status.token, server)
  }

  /** One that goes with the server. */
  newFolder(): Promise<string> {
    return mkdtemp(join(this.#folder, 'more-'))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
    this.#agent.destroy()
    await this.etcd[Symbol.asyncDispose]()
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #replace(kind: string, object: KubeObject): Promise<void> {
    const path = `${collectionOf(kind, object)}/${object.metadata.name}`
    // Pods are not changed but by their status.
    if (kind !== 'pods') await this.must('PATCH', path, object, 'application/merge-patch+json')
  }

  async #writeConfig(name: string, token: string, server = this.url): Promise<string> {
    const file = join(this.#folder, `${name}${server === this.url ? '' : '-elsewhere'}.config`)
    const authority = { 'certificate-authority-data': Buffer.from(this.#certificate).toString('base64') }
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'test',
      clusters: [{ name: 'test', cluster: { server, ...(server.startsWith('https:') && authority) } }],
      users: [{ name, user: { token } }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: name } }],
    }
    // JSON is YAML.
    await writeFile(file, JSON.stringify(config))
    return file
  }

  #flags(): string[] {
    const key = join(this.#folder, 'accounts.key')
    return [
      `--etcd-servers=${this.etcd.host}`,
      `--secure-port=${this.#askedPort}`,
      ...['--bind-address=127.0.0.1', '--advertise-address=127.0.0.1', `--cert-dir=${join(this.#folder, 'certs')}`],
      `--service-cluster-ip-range=${RANGES}`,
      ...['--service-account-issuer=https://kubernetes.default.svc', `--service-account-key-file=${key}`],
      ...[`--service-account-signing-key-file=${key}`, `--token-auth-file=${join(this.#folder, 'tokens.csv')}`],
      '--authorization-mode=RBAC',
      // Pods are objects only: nobody runs them.
      '--disable-admission-plugins=ServiceAccount',
    ]
  }
}

function collectionOf(kind: string, { metadata: { namespace } }: KubeObject): string {
  return `${PATHS[kind]}${namespace === undefined ? '' : `/namespaces/${namespace}`}/${kind}`
}

function pluralOf(kind: string): string {
  return `${kind.toLowerCase()}s`
}
