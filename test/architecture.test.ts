import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const LIB = fileURLToPath(new URL('../lib', import.meta.url))

/** A folder or file of `lib/` imports from itself and from what stands before it here. */
const ORDER = [
  'errors',
  'bounds',
  'yaml-document',
  'clock',
  'log',
  'fast-random',
  'package-version',
  'wire',
  'clients',
  'records',
  'zone-file',
  'metrics',
  'shared-table',
  'threads',
  'handoff',
  'answer-cache',
  'record-index',
  'transport',
  'store',
  'limits',
  'health/',
  'query',
  'hooks',
  'forward',
  'export',
  'kubernetes/',
  'publish',
  'cluster',
  'options',
  'reloaded-options',
  'server-probes',
  'container-dns',
  'event-channels',
  'prometheus',
  'server',
  'api/',
  'ui',
  'config',
  'cli/',
  'testing/',
  'index',
  'api',
  'health',
  'kubernetes',
  'testing',
  'cli',
  'apicmd',
]

/** Each command says its own words. */
function commands(): string[] {
  return readdirSync(join(LIB, 'cli/commands')).map((file) => `cli/commands/${file}`)
}

/** A package enters by one file; all else imports that. `ui/`: any file of the page, which is a program of its own. */
const DOORS: Record<string, readonly string[]> = {
  koffi: ['transport/libc.ts'],
  'dns-packet': ['wire/packet.ts'],
  etcd3: ['store/etcd/client.ts'],
  nodemailer: ['health/alerts/mail.ts'],
  piscina: ['threads/thread-pool.ts'],
  'lru-cache': ['answer-cache/eviction.ts'],
  '@kubernetes/client-node': ['kubernetes/client-node.ts'],
  eventemitter3: ['container-dns.ts', 'server.ts'],
  pino: [
    'cli/logger.ts',
    'cli/notify-systemd.ts',
    'cli/say-why.ts',
    'cli/reload-config.ts',
    'cli/commands/serve.ts',
    'cli/commands/api.ts',
  ],
  fastify: ['api/plugin.ts', 'api/openapi.ts', 'api/start-api.ts'],
  '@fastify/rate-limit': ['api/plugin.ts'],
  '@fastify/swagger': ['api/openapi.ts'],
  ajv: ['api/validation.ts'],
  yaml: ['yaml-document.ts'],
  'prom-client': ['prometheus/prometheus-text.ts'],
  commander: ['cli/run-cli.ts', 'cli/run-apicmd.ts', ...commands()],
  preact: ['ui/'],
  'preact/hooks': ['ui/'],
  uplot: ['ui/plot.tsx'],
}

interface Import {
  readonly file: string
  readonly target: string
}

const files = readdirSync(LIB, { recursive: true, encoding: 'utf8' }).filter((file) => /\.tsx?$/.test(file))
const imports = files.flatMap(importsOf)

function importsOf(file: string): Import[] {
  const text = readFileSync(join(LIB, file), 'utf8')
  const specifiers = text.matchAll(
    /(?:^|\n)\s*(?:import|export)\b[^'";]*?from\s+'([^']+)'|\bimport\(\s*'([^']+)'\s*\)|\brequire\w*\(\s*'([^']+)'\s*\)/g,
  )
  return [...specifiers].map((match) => ({ file, target: (match[1] ?? match[2] ?? match[3])! }))
}

/** The entry of ORDER that a file of lib belongs to: its top folder, or the file itself at the root. */
function unitOf(file: string): string {
  const [top, ...rest] = file.split('/')
  if (rest.length === 0) return top!.replace(/\.[jt]s$/, '')
  return ORDER.includes(`${top}/`) ? `${top}/` : top!
}

function isThrough(door: string, file: string): boolean {
  return door.endsWith('/') ? file.startsWith(door) : file === door
}

describe('the map of lib/', () => {
  it('knows every folder and file at the root', () => {
    expect([...new Set(files.map(unitOf))].filter((unit) => !ORDER.includes(unit))).toEqual([])
  })

  it('lets imports point one way only', () => {
    const wrong = imports.filter(({ file, target }) => {
      if (!target.startsWith('.')) return false
      const from = ORDER.indexOf(unitOf(file))
      const to = ORDER.indexOf(unitOf(relative(LIB, join(LIB, dirname(file), target))))
      return to > from
    })
    expect(wrong).toEqual([])
  })

  it('lets each package in by its door', () => {
    const packages = imports.filter(({ target }) => !target.startsWith('.') && !target.startsWith('node:'))
    expect(packages.filter(({ file, target }) => !DOORS[target]?.some((door) => isThrough(door, file)))).toEqual([])
    expect(Object.keys(DOORS).filter((door) => !packages.some(({ target }) => target === door))).toEqual([])
  })

  it('has no barrel files and no drawer folders', () => {
    expect(files.filter((file) => /\/index\.ts$/.test(file))).toEqual([])
    expect(
      files.filter((file) => /(^|\/)(utils?|helpers?|common|core|shared|types|manager)(\/|\.ts$)/.test(file)),
    ).toEqual([])
  })

  it('lets nothing of the library into the page but its types', () => {
    const texts = files.filter((file) => file.startsWith('ui/')).map((file) => readFileSync(join(LIB, file), 'utf8'))
    const fromOutside = texts.flatMap((text) => text.match(/^import .*from '(\.\.\/|node:).*$/gm) ?? [])
    expect(fromOutside.length).toBeGreaterThan(0)
    expect(fromOutside.filter((each) => !each.startsWith('import type '))).toEqual([])
  })

  it('keeps main-thread packages out of the other threads', () => {
    const reached = new Set<string>()
    const visit = (file: string) => {
      if (reached.has(file)) return
      reached.add(file)
      for (const { target } of imports.filter((each) => each.file === file)) {
        if (target.startsWith('.')) visit(relative(LIB, join(LIB, dirname(file), target)).replace(/\.js$/, '.ts'))
        else reached.add(target)
      }
    }
    visit('cluster/dns-thread.ts')
    visit('cluster/stream-thread.ts')
    const unwanted = [
      'dns-packet',
      'etcd3',
      'piscina',
      'pino',
      'commander',
      'eventemitter3',
      'lru-cache',
      '@kubernetes/client-node',
      'fastify',
      'prom-client',
      'fastify',
      'record-index/record-index-writer.ts',
    ]
    expect(unwanted.filter((each) => reached.has(each))).toEqual([])
  })

  it('prints nothing, ends nothing and catches no signal outside the command line', () => {
    const guests = files.filter((file) => !file.startsWith('cli'))
    const rude = /\bconsole\.|process\.exit\(|process\.(?:on|once)\('SIG/
    expect(
      guests.filter((file) => rude.test(readFileSync(join(LIB, file), 'utf8').replace(/\/\/.*|\/\*[\s\S]*?\*\//g, ''))),
    ).toEqual([])
  })

  it('has a README in each folder of the top level', () => {
    const folders = readdirSync(LIB, { withFileTypes: true }).filter((entry) => entry.isDirectory())
    const without = folders.filter((folder) => !readdirSync(join(LIB, folder.name)).includes('README.md'))
    expect(without.map((folder) => folder.name)).toEqual([])
  })
})
