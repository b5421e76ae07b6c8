import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A zone that all servers answer for. */
export interface InteropZone {
  readonly name: string
  readonly file: string
}

const FOLDER = fileURLToPath(new URL('zones', import.meta.url))
const LARGE = 'large.example'

/** Those in `zones/`, each named like its file, and one of large RRsets; as files in a folder of the test. */
export function writeZones(folder: string): InteropZone[] {
  mkdirSync(folder, { recursive: true })
  const texts = readdirSync(FOLDER).map((file) => [file, readFileSync(join(FOLDER, file), 'utf8')] as const)
  return [...texts, [`${LARGE}.zone`, largeZone()] as const].map(([name, text]) => {
    const file = join(folder, name)
    writeFileSync(file, text)
    return { name: name.replace(/\.zone$/, ''), file }
  })
}

/** RRsets of all sizes about the borders of 512 and 1232 octets, and beyond 16 KiB, where pointers cannot reach. */
function largeZone(): string {
  const lines = [`$ORIGIN ${LARGE}.`, '$TTL 300', '@ SOA ns hostmaster 1 3600 900 43200 60', '@ NS ns']
  lines.push('ns A 198.51.100.53', 'to-large CNAME a400')
  const add = (count: number, record: (i: number) => string) => {
    for (let i = 0; i < count; i++) lines.push(record(i))
  }
  for (const n of [20, 28, 29, 30, 40, 73, 74, 75, 76, 77, 100, 400]) {
    add(n, (i) => `a${n} A 203.0.${i >> 8}.${i & 255}`)
    // Of another length, so that not all RRsets meet a border at the same place.
    add(n, (i) => `a-rather-longer-name.below.a${n} AAAA 2001:db8:${n}::${i.toString(16)}`)
  }
  for (const n of [8, 12, 13, 14, 30, 60]) add(n, (i) => `srv${n} SRV 0 ${i} 80 host${i % HOSTS}`)
  for (const n of [10, 15, 20, 40]) add(n, (i) => `mx${n} MX ${i} host${i % HOSTS}`)
  for (const n of [5, 13, 30]) {
    add(n, (i) => `cut${n} NS ns${i}.cut${n}`)
    add(n, (i) => `ns${i}.cut${n} A 198.51.100.${i}`)
    add(n, (i) => `ns${i}.cut${n} AAAA 2001:db8:3::${i}`)
  }
  add(HOSTS, (i) => `host${i} A 198.51.100.${i}\nhost${i} AAAA 2001:db8:2::${i}`)
  for (const n of [1, 2, 3, 4, 5, 20, 200]) add(n, (i) => `txt${n} TXT "${String(i).padStart(250, '0')}"`)
  return `${lines.join('\n')}\n`
}

/** Few enough for all to come along with what points to them. */
const HOSTS = 16
