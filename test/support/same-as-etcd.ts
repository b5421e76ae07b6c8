import { deepStrictEqual } from 'node:assert'
import type { ContainerDns } from 'containerdns'
import type { Etcd } from './start-etcd.js'

/** What a server holds must be what etcd holds, key by key: A and CNAME records of the origin's layout, and nothing else. */
export async function expectSameAsEtcd(dns: ContainerDns, etcd: Etcd, prefix = '/containerdns/'): Promise<void> {
  deepStrictEqual(await heldBy(dns), await heldByEtcd(etcd, prefix))
}

/** Lines as `www.example.org 30 A 192.0.2.1`, sorted. Decoded apart from the library's own code. */
async function heldByEtcd(etcd: Etcd, prefix: string): Promise<string[]> {
  const lines = new Set<string>()
  const values = Object.entries(await etcd.dump(prefix)) as [string, { type: string; host: string; ttl: number }][]
  for (const [key, { type, host, ttl }] of values) {
    const labels = key.slice(prefix.length).replace(/\/$/, '').split('/').reverse()
    // Addresses of one name are told apart by a label of their own.
    if (type === 'A') lines.add(`${labels.slice(1).join('.')} ${ttl} A ${host}`)
    else if (type === 'CNAME') lines.add(`${labels.join('.')} ${ttl} CNAME ${host}`)
    else throw new Error(`${key} is a ${type}, which this comparison does not know`)
  }
  return [...lines].sort()
}

async function heldBy(dns: ContainerDns): Promise<string[]> {
  const lines: string[] = []
  for await (const { name, ttl, type, data } of dns.records.list())
    for (const item of data) lines.push(`${name} ${ttl} ${type} ${item}`)
  return lines.sort()
}
