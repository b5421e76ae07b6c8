import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'tsup'
import { describe, expect, it } from 'vitest'
import * as api from '../lib/api/options.js'
import { readConfig } from '../lib/config/config-file.js'
import { ERROR_CODES } from '../lib/errors.js'
import * as alerts from '../lib/health/alerts/options.js'
import * as probes from '../lib/health/probe/options.js'
import { HOOK_TIMEOUT_MS } from '../lib/hooks/options.js'
import * as bridge from '../lib/kubernetes/bridge-options.js'
import * as kubernetes from '../lib/kubernetes/options.js'
import { COUNTER_NAMES } from '../lib/metrics/counters.js'
import * as options from '../lib/options.js'
import { UDP_PAYLOAD_SIZE } from '../lib/query/options.js'
import { decodeRRset } from '../lib/records/wire-rrset.js'
import { keyLayoutFor, type LayoutName } from '../lib/store/etcd/choose-layout.js'
import { etcdStore } from '../lib/store/etcd/etcd-store.js'
import type { KeyLayout } from '../lib/store/etcd/key-layout.js'
import type { Leaf } from '../lib/store/etcd/leaf.js'
import { LeafPacker } from '../lib/store/etcd/leaf-packer.js'
import * as etcd from '../lib/store/etcd/options.js'
import { FAULT_IDS, FAULT_OPTION_NAMES } from '../lib/testing/upstream/fault-script.js'
import { UPSTREAM_OPTION_NAMES } from '../lib/testing/upstream/test-upstream.js'
import * as transport from '../lib/transport/options.js'
import { nameToText } from '../lib/wire/name.js'
import type { RecordData } from '../lib/wire/rdata/record-data.js'
import { RECORD_TYPES } from '../lib/wire/rdata/record-type.js'

const ROOT = new URL('../', import.meta.url)
const DOCS = [
  'README.md',
  ...readdirSync(new URL('docs/', ROOT))
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`),
]

interface Example {
  readonly title: string
  readonly code: string
}

function blocksIn(language: 'ts' | 'js'): Example[] {
  return DOCS.flatMap((file): Example[] => {
    const blocks = [...readFileSync(new URL(file, ROOT), 'utf8').matchAll(/```(\w+)\n([\s\S]*?)```/g)]
    return blocks
      .filter((block) => block[1] === language)
      .map((block, i) => ({ title: `${file}, number ${i + 1}`, code: block[2]! }))
  })
}

const examples = blocksIn('ts')

/** Builds an example below the checkout, so that `containerdns` means this package, and returns the file to run. */
async function built({ code }: Example, number: number): Promise<string> {
  const source = new URL(`build/docs/example-${number}.ts`, ROOT)
  mkdirSync(new URL('.', source), { recursive: true })
  writeFileSync(source, code)
  await build({
    config: false,
    entry: [fileURLToPath(source)],
    outDir: fileURLToPath(new URL('built/', source)),
    // Node 20 does not know `await using` yet.
    target: 'node20',
    format: ['esm'],
    external: [/^containerdns/],
    silent: true,
  })
  return fileURLToPath(new URL(`built/example-${number}.js`, source))
}

describe('the code in the documents', () => {
  it('is there', () => {
    expect(examples.length).toBeGreaterThan(2)
  })

  it.each(examples.map((example, i) => [example.title, example, i] as const))('runs: %s', async (_, example, i) => {
    const run = spawnSync(process.execPath, [await built(example, i)], { encoding: 'utf8', timeout: 20_000 })
    expect({ status: run.status, stderr: run.stderr }).toEqual({ status: 0, stderr: '' })
  })

  // Those would ask servers that are not here, so they are not run.
  it.each(blocksIn('js').map(({ title, code }, i) => [title, code, i] as const))(
    'is JavaScript as it stands: %s',
    (_, code, i) => {
      const file = new URL(`build/docs/script-${i}.mjs`, ROOT)
      mkdirSync(new URL('.', file), { recursive: true })
      writeFileSync(file, code)
      const run = spawnSync(process.execPath, ['--check', fileURLToPath(file)], { encoding: 'utf8', timeout: 20_000 })
      expect({ status: run.status, stderr: run.stderr }).toEqual({ status: 0, stderr: '' })
    },
  )
})

describe('docs/errors.md', () => {
  it('lists each code with its sentence, and no other', () => {
    const text = readFileSync(new URL('docs/errors.md', ROOT), 'utf8')
    const rows = [...text.matchAll(/^\| `(CDNS_\w+)` \| (.*) \|$/gm)].map((row) => [row[1], row[2]])
    expect(rows).toEqual(Object.entries(ERROR_CODES))
  })

  it('has no code that nothing throws', () => {
    const lib = readdirSync(new URL('lib/', ROOT), { recursive: true, encoding: 'utf8' }).filter((file) =>
      file.endsWith('.ts'),
    )
    const code = lib
      .filter((file) => file !== 'errors.ts')
      .map((file) => readFileSync(new URL(`lib/${file}`, ROOT), 'utf8'))
      .join('\n')
    expect(Object.keys(ERROR_CODES).filter((each) => !code.includes(`'${each}'`))).toEqual([])
  })
})

describe('docs/api.md', () => {
  const text = readFileSync(new URL('docs/api.md', ROOT), 'utf8')
  const section = text.slice(text.indexOf('## Options')).split(/\n## /)[0]!
  const rows = [...section.matchAll(/^\| (`[^|]+) \|.*$/gm)].map(([row, names]) => ({
    row,
    names: names!.replaceAll('`', ''),
  }))

  it('lists each option with its bounds', () => {
    expect(rows.flatMap(({ names }) => names.split(', ')).sort()).toEqual([...api.API_OPTION_NAMES, 'listen'].sort())
    for (const [name, bounds] of [
      ['requestsPerSecond', api.REQUESTS_PER_SECOND],
      ['bodyLimitBytes', api.BODY_LIMIT_BYTES],
      ['bulkLimit', api.BULK_LIMIT],
    ] as const) {
      const { row } = rows.find(({ names }) => names === name)!
      expect(row).toContain(`| ${bounds.default} |`)
      expect(row).toContain(`${bounds.min} to ${bounds.max}`)
    }
  })
})

describe('docs/kubernetes.md', () => {
  const text = readFileSync(new URL('docs/kubernetes.md', ROOT), 'utf8')
  const rows = [...text.matchAll(/^\| (`[^|]+) \|.*$/gm)].map(([row, names]) => ({
    row,
    names: names!.replaceAll('`', ''),
  }))

  it('lists each option of the store and the bridge, with its bounds', () => {
    const listed = rows.flatMap(({ names }) => names.split(', '))
    const known = [...kubernetes.KUBERNETES_STORE_OPTION_NAMES, ...bridge.BRIDGE_OPTION_NAMES]
    expect(known.filter((name) => !listed.includes(name))).toEqual([])
    for (const [name, bounds] of [
      ['ttl', kubernetes.CLUSTER_TTL],
      ['relistIntervalMs', kubernetes.CLUSTER_RELIST_INTERVAL_MS],
      ['staleAfterMs', kubernetes.CLUSTER_STALE_AFTER_MS],
      ['leaseMs', bridge.LEASE_MS],
      ['reconcileIntervalMs', bridge.RECONCILE_INTERVAL_MS],
    ] as const) {
      const { row } = rows.find(({ names }) => names === name)!
      expect(row).toContain(`| ${bounds.default} |`)
      expect(row).toContain(`${bounds.min} to ${bounds.max}`)
    }
  })
})

describe('docs/health.md, alerts', () => {
  const text = readFileSync(new URL('docs/health.md', ROOT), 'utf8')
  const part = text.slice(text.indexOf('## Alerts'), text.indexOf('## Many servers'))

  it('list each option, with its bounds', () => {
    expect([...part.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name)).toEqual(alerts.ALERTS_OPTION_NAMES)
    const { SILENT_SECONDS: silent, WEBHOOK_TIMEOUT_MS: webhook, MAIL_TIMEOUT_MS: mail } = alerts
    expect(part).toContain(`| ${silent.default} |`)
    expect(part).toContain(`${silent.min} to ${silent.max}`)
    for (const { default: byDefault, min, max } of [webhook, mail]) {
      expect(part).toContain(`\`timeoutMs\` is ${byDefault}, ${min} to ${max}`)
    }
    for (const tls of alerts.MAIL_TLS) expect(part).toContain(`\`'${tls}'\``)
  })
})

describe('docs/health.md', () => {
  const text = readFileSync(new URL('docs/health.md', ROOT), 'utf8')

  it('has a config that is right, with probes', async () => {
    const [, yaml] = /```yaml\n([\s\S]*?)```/.exec(text)!
    mkdirSync(new URL('build/docs/', ROOT), { recursive: true })
    const file = fileURLToPath(new URL('build/docs/health.yaml', ROOT))
    writeFileSync(file, yaml!)
    expect(await readConfig({ file })).toMatchObject({ options: { health: { probes: { check: { type: 'tcp' } } } } })
  })

  const rows = [...text.slice(text.indexOf('## Options'), text.indexOf('## Checks')).matchAll(/^\| `(\w+)` \|.*$/gm)]

  it('lists each option of probes, with its bounds', () => {
    expect(rows.map(([, name]) => name)).toEqual(probes.PROBES_OPTION_NAMES)
    for (const [name, bounds] of [
      ['intervalMs', probes.INTERVAL_MS],
      ['timeoutMs', probes.TIMEOUT_MS],
      ['rise', probes.RISE],
      ['fall', probes.FALL],
      ['jitterPercent', probes.JITTER_PERCENT],
      ['concurrency', probes.CONCURRENCY],
      ['perSecond', probes.PER_SECOND],
      ['maxTargets', probes.MAX_TARGETS],
      ['confirmAbovePercent', probes.CONFIRM_ABOVE_PERCENT],
      ['panicBelowPercent', probes.PANIC_BELOW_PERCENT],
    ] as const) {
      const [row] = rows.find(([, each]) => each === name)!
      expect(row).toContain(`| ${bounds.default} |`)
      expect(row).toContain(`${bounds.min} to ${bounds.max}`)
    }
  })
})

describe('docs/standards.md', () => {
  const text = readFileSync(new URL('docs/standards.md', ROOT), 'utf8')
  const listed = [...text.matchAll(/^\| ([\d, ]+) \|/gm)].flatMap((row) => row[1]!.split(', '))

  it('lists each RFC that the code or another document cites', () => {
    const files = ['lib/', 'workers/'].flatMap((folder) =>
      readdirSync(new URL(folder, ROOT), { recursive: true, encoding: 'utf8' })
        .filter((file) => /\.(ts|md)$/.test(file))
        .map((file) => `${folder}${file}`),
    )
    const cited = [...files, ...DOCS].flatMap((file) =>
      [...readFileSync(new URL(file, ROOT), 'utf8').matchAll(/\bRFCs? ?(\d{3,5})\b/g)].map(([, rfc]) => rfc!),
    )
    expect(new Set(cited).size).toBeGreaterThan(50)
    expect([...new Set(cited)].filter((rfc) => !listed.includes(rfc))).toEqual([])
  })

  it('lists each RFC that has tests', () => {
    const tested = readdirSync(new URL('test/rfc/', ROOT)).flatMap(
      (file) => /^rfc(\d+)\.test\.ts$/.exec(file)?.[1] ?? [],
    )
    expect(tested.filter((rfc) => !listed.includes(rfc))).toEqual([])
    expect(listed).toEqual([...new Set(listed)])
  })
})

describe('docs/etcd.md', () => {
  const text = readFileSync(new URL('docs/etcd.md', ROOT), 'utf8')
  const blocks = [...text.matchAll(/```keys (containerdns|skydns)\n([\s\S]*?)\n\n([\s\S]*?)\n```/g)]

  it('has an example for each way to write keys', () => {
    expect(blocks.map(([, layout]) => layout)).toEqual(['containerdns', 'containerdns', 'skydns'])
  })

  it.each(blocks.map(([, layout, keys, answers]) => [keys!.split(' ')[0]!, layout!, keys!, answers!] as const))(
    'says what is answered from the keys after %s',
    (_, name, keys, answers) => {
      const { layout, prefixes, serviceLevels } = etcd.parseEtcdStoreOptions({ hosts: 'a', layout: name as LayoutName })
      expect(answersFrom(keyLayoutFor({ layout, prefixes, serviceLevels }), keys.split('\n'))).toEqual(
        answers.split('\n'),
      )
    },
  )

  const rows = (heading: string) => {
    const section = text.slice(text.indexOf(heading)).split(/\n## /)[0]!
    return [...section.matchAll(/^\| (`[^|]+) \|.*$/gm)].map((row) => ({ names: row[1]!, row: row[0] }))
  }
  const namesUnder = (heading: string) =>
    rows(heading).flatMap(({ names }) => names.split(',').map((name) => name.replaceAll('`', '').trim()))

  it('lists each option of the store, with its bounds, and each of its figures', () => {
    expect(namesUnder('## Options').sort()).toEqual([...etcd.ETCD_OPTION_NAMES].sort())
    for (const [name, bounds] of [
      ['serviceLevels', etcd.SERVICE_LEVELS],
      ['requestTimeoutMs', etcd.REQUEST_TIMEOUT_MS],
      ['relistIntervalMs', etcd.RELIST_INTERVAL_MS],
      ['staleAfterMs', etcd.STALE_AFTER_MS],
      ['snapshotIntervalMs', etcd.SNAPSHOT_INTERVAL_MS],
    ] as const) {
      const { row } = rows('## Options').find(({ names }) => names === `\`${name}\``)!
      expect(row).toContain(`| ${bounds.default} |`)
      expect(row).toContain(`${bounds.min} to ${bounds.max}`)
    }
    const status = etcdStore({ hosts: 'a' }).status()
    expect(namesUnder('## When etcd is away').sort()).toEqual([...Object.keys(status), 'snapshot'].sort())
  })
})

/** A line a record, sorted, for lines of a key, spaces and a value. */
function answersFrom(layout: KeyLayout, lines: readonly string[]): string[] {
  const owners = new Map<string, { owner: Uint8Array; leaves: Leaf[] }>()
  for (const line of lines) {
    const [, key, value] = /^(\S+) +(.*)$/.exec(line)!
    const decoded = layout.decode(Buffer.from(key!), Buffer.from(value!))
    expect(decoded, line).not.toHaveProperty('reason')
    if (decoded.kind !== 'records') continue
    for (const { owner, ...leaf } of decoded.records) {
      const known = owners.get(nameToText(owner)) ?? { owner, leaves: [] }
      known.leaves.push({ ...leaf, modRevision: 1 })
      owners.set(nameToText(owner), known)
    }
  }
  const packer = new LeafPacker()
  const rrsets = [...owners.values()].flatMap(({ owner, leaves }) =>
    packer.pack(leaves, options.DEFAULT_TTL.default).map((rrset) => decodeRRset(owner, rrset)),
  )
  return rrsets
    .flatMap(({ name, ttl, type, data }) => data.map((each) => `${name} ${ttl} ${type} ${textOf(each)}`))
    .sort()
}

function textOf(data: RecordData): string {
  return typeof data === 'string' ? data : Object.values(data).join(' ')
}

describe('docs/testing.md', () => {
  const text = readFileSync(new URL('docs/testing.md', ROOT), 'utf8')
  const namesIn = (heading: string) => {
    const table = text.slice(text.indexOf(heading)).split('\n\n')[0]!
    return [...table.matchAll(/^\| (`[^|]+) \|/gm)].flatMap((row) => row[1]!.replaceAll('`', '').split(', '))
  }

  it('lists each fault of an upstream, and each option', () => {
    expect(namesIn('| id |').sort()).toEqual([...FAULT_IDS].sort())
    expect([...namesIn('| option | which queries'), 'ms'].sort()).toEqual([...FAULT_OPTION_NAMES].sort())
    expect(namesIn('| option | what it says').sort()).toEqual([...UPSTREAM_OPTION_NAMES].sort())
  })
})

describe('docs/records.md', () => {
  const text = readFileSync(new URL('docs/records.md', ROOT), 'utf8')
  const types = [...Object.keys(RECORD_TYPES), 'TYPEnnn'].sort()

  it('lists each record type', () => {
    const rows = [...text.matchAll(/^\| ([A-Z]+(?:nnn)?) \|/gm)].map((row) => row[1])
    expect(rows).toEqual(types)
  })

  it('has an example of each', () => {
    const used = [...text.matchAll(/type: '([A-Z]+)(\d*)'/g)].map((match) => match[1] + (match[2] === '' ? '' : 'nnn'))
    expect([...new Set(used)].sort()).toEqual(types)
  })
})

describe('docs/options.md', () => {
  const text = readFileSync(new URL('docs/options.md', ROOT), 'utf8')
  /** The first column of the table that follows a heading, a name at a time. */
  const firstColumn = (heading: string) => {
    const section = text.slice(text.indexOf(heading)).split(/\n## /)[0]!
    const cells = [...section.matchAll(/^\| (?!---)([^|]+) \|/gm)].slice(1).map((row) => row[1]!)
    return cells.flatMap((cell) => cell.split(',')).map((name) => name.replaceAll('`', '').trim())
  }

  it('lists each option and counter', () => {
    expect(firstColumn('# Options')).toEqual(options.OPTION_NAMES)
    expect(firstColumn('## Counters')).toEqual(COUNTER_NAMES)
  })

  it.each([
    ['defaultTtl', options.DEFAULT_TTL],
    ['negativeTtl', options.NEGATIVE_TTL],
    ['edns', UDP_PAYLOAD_SIZE],
    ['startTimeoutMs', options.START_TIMEOUT_MS],
    ['hookTimeoutMs', HOOK_TIMEOUT_MS],
    ['tcp', transport.TCP_IDLE_TIMEOUT_MS],
    ['tcp', transport.TCP_CONNECTIONS],
    ['tcp', transport.TCP_CONNECTIONS_PER_CLIENT],
    ['workers', options.WORKERS],
  ])('says the bounds of %s', (name, bounds) => {
    const row = new RegExp(`^\\| \`${name}\` \\|.*$`, 'm').exec(text)![0]
    expect(row).toContain(`${bounds.min} to ${bounds.max}`)
    if (name !== 'workers') expect(row).toContain(String(bounds.default))
  })
})
