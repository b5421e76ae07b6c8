import { readFileSync } from 'node:fs'
import type { RequestOptions } from 'node:https'
import { dirname, resolve } from 'node:path'
import { parseYamlValue } from '../yaml-document.js'
import type { KubeAccess } from './kube-access.js'

/** What a user or cluster may have that needs a program, a browser or a proxy. */
const FOREIGN_LOGIN = ['exec', 'auth-provider', 'as', 'as-groups', 'as-uid'] as const

type Section = Readonly<Record<string, unknown>>

/**
 * Access by what stands in a kubeconfig file: tokens, certificates, passwords, in it or in files that it names. undefined where that
 * is not all it takes. Throws an Error that says what is wrong.
 */
export function readKubeconfig(file: string, contextName?: string): KubeAccess | undefined {
  const config = section(parseYamlValue(readFileSync(file, 'utf8')), 'it')
  const current = contextName ?? config['current-context']
  const context = named(config, 'contexts', 'context', current)
  const cluster = named(config, 'clusters', 'cluster', context['cluster'])
  const user = context['user'] === undefined ? {} : named(config, 'users', 'user', context['user'])
  if (FOREIGN_LOGIN.some((key) => user[key] !== undefined) || cluster['proxy-url'] !== undefined) return undefined
  const server = new URL(text(cluster, 'server') ?? '')
  const files = new ConfigFiles(dirname(file))
  const requestOptions = async (): Promise<RequestOptions> => ({
    ...tlsOf(cluster, user, files),
    ...loginOf(user, files),
  })
  const first = tlsOf(cluster, user, files)
  const isSecret = loginOf(user, files).headers !== undefined || first.key !== undefined
  if (server.protocol !== 'https:' && isSecret && !isLoopback(server)) {
    throw new Error(`${server.origin} is not reached by TLS, and would be told a secret`)
  }
  return { server, requestOptions }
}

/** Files that it names are relative to its own folder. */
class ConfigFiles {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  /** `<key>-data` holds it, or `<key>` names a file that does. */
  read(from: Section, key: string): Buffer | undefined {
    const data = text(from, `${key}-data`)
    if (data !== undefined) return Buffer.from(data, 'base64')
    return this.readFile(from, key)
  }

  readFile(from: Section, key: string): Buffer | undefined {
    const path = text(from, key)
    return path === undefined ? undefined : readFileSync(resolve(this.#folder, path))
  }
}

function tlsOf(cluster: Section, user: Section, files: ConfigFiles): RequestOptions {
  const options: RequestOptions = {}
  const ca = files.read(cluster, 'certificate-authority')
  const cert = files.read(user, 'client-certificate')
  const key = files.read(user, 'client-key')
  const servername = text(cluster, 'tls-server-name')
  if (ca !== undefined) options.ca = ca
  if (cert !== undefined) options.cert = cert
  if (key !== undefined) options.key = key
  if (servername !== undefined) options.servername = servername
  if (cluster['insecure-skip-tls-verify'] === true) options.rejectUnauthorized = false
  return options
}

function loginOf(user: Section, files: ConfigFiles): RequestOptions {
  const token = files.readFile(user, 'tokenFile')?.toString('utf8').trim() ?? text(user, 'token')
  if (token !== undefined) return { headers: { authorization: `Bearer ${token}` } }
  const name = text(user, 'username')
  if (name === undefined) return {}
  const login = Buffer.from(`${name}:${text(user, 'password') ?? ''}`).toString('base64')
  return { headers: { authorization: `Basic ${login}` } }
}

/** `{ clusters: [{ name, cluster: … }] }` */
function named(config: Section, list: string, kind: string, name: unknown): Section {
  const entries = config[list]
  const found = Array.isArray(entries) ? entries.find((entry) => section(entry, list)['name'] === name) : undefined
  if (typeof name !== 'string' || found === undefined) {
    throw new Error(`it has no ${kind} ${typeof name === 'string' ? `"${name}"` : 'to begin with'}`)
  }
  return section((found as Section)[kind], `${kind} "${name}"`)
}

function section(given: unknown, what: string): Section {
  if (typeof given === 'object' && given !== null && !Array.isArray(given)) return given as Section
  throw new Error(`${what} is no kubeconfig`)
}

function text(from: Section, key: string): string | undefined {
  const value = from[key]
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value === 'string') return value
  throw new Error(`${key} is not text`)
}

function isLoopback({ hostname }: URL): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname)
}
