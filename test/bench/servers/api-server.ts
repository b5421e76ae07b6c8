import { createHash, randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ZONE } from '../names.js'
import { loadProduct } from './product.js'

/** The process of a DNS server on etcd with its API: takes the build and etcd's URL as its arguments, and ends with the one that started it. */

export interface ApiServerMessage {
  readonly type: 'listening'
  readonly apiPort: number
  readonly dnsPort: number
  /** For edits of everything. */
  readonly token: string
}

const [dist, etcd] = process.argv.slice(2) as [string, string]
const { createContainerDns, etcdStore } = await loadProduct(dist)
const product: typeof import('../../../lib/api.js') = await import(pathToFileURL(resolve(dist, 'api.js')).href)

const server = await createContainerDns({
  zones: [ZONE],
  listen: { host: '127.0.0.1', port: 0 },
  workers: 1,
  store: etcdStore({ hosts: [etcd] }),
})
const token = randomBytes(32).toString('hex')
const hash = `sha256:${createHash('sha256').update(token).digest('hex')}`
const api = await product.startApi({
  ...{ server, listen: { port: 0 }, requestsPerSecond: 1_000_000 },
  tokens: [{ principal: 'bench', hash, verbs: ['read', 'write'], zones: [ZONE] }],
})
process.on('disconnect', () => void api.close().then(() => server.close()))
const message: ApiServerMessage = { type: 'listening', apiPort: api.port, dnsPort: server.addresses[0]!.port, token }
process.send!(message)
