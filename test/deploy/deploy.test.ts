import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import { afterAll, describe, expect, it } from 'vitest'
import { parseAllDocuments, parse as parseYaml } from 'yaml'
import { addServeCommand } from '../../lib/cli/commands/serve.js'
import { openStore } from '../../lib/cli/config-store.js'
import { parseKubernetesStoreOptions } from '../../lib/kubernetes/options.js'
import { OPTION_NAMES, parseOptions } from '../../lib/options.js'
import { METRICS } from '../../lib/prometheus/metrics.js'

const ROOT = new URL('../../', import.meta.url)
const DEPLOY = new URL('docs/deploy/', ROOT)
const read = (file: string) => readFileSync(new URL(file, DEPLOY), 'utf8')
const folder = mkdtempSync(join(tmpdir(), 'containerdns-deploy-'))
afterAll(() => rmSync(folder, { recursive: true }))

const CONFIG_FILE = '/etc/containerdns/containerdns.yaml'
const UNIT = read('containerdns@.service')

/** Those of `containerdns serve`. A checkout whose command line does not know configs yet has no such flag. */
const FLAGS = (() => {
  const program = new Command()
  addServeCommand(program)
  const flags = program.commands[0]!.options.map(({ long }) => long!)
  return existsSync(new URL('lib/config', ROOT)) ? flags : [...flags, '--config']
})()

interface Manifest {
  readonly kind: string
  readonly apiVersion: string
  readonly metadata: { readonly name: string; readonly namespace?: string }
  // biome-ignore lint/suspicious/noExplicitAny: what stands there is what the tests find out.
  readonly [key: string]: any
}

const manifests = readdirSync(new URL('kubernetes/', DEPLOY)).flatMap((file) =>
  parseAllDocuments(read(`kubernetes/${file}`)).map((document) => {
    expect(document.errors).toEqual([])
    return document.toJS() as Manifest
  }),
)
const ofKind = (kind: string) => manifests.filter((manifest) => manifest.kind === kind)
const resourcesOf = (role: string): string[] =>
  ofKind('ClusterRole')
    .find(({ metadata }) => metadata.name === role)!
    ['rules'].flatMap(({ resources }: { resources: string[] }) => resources)
const workloads = [...ofKind('DaemonSet'), ...ofKind('Deployment')]
const configText = ofKind('ConfigMap')[0]!['data']['containerdns.yaml'] as string

/** What a config says, by the functions that will read it. */
function expectRight(text: string) {
  const { store, api, drainMs, log, ...options } = parseYaml(text)
  expect(Object.keys(options).filter((key) => !(OPTION_NAMES as readonly string[]).includes(key))).toEqual([])
  expect(log).toBeUndefined()
  expect(drainMs).toBeGreaterThan(0)
  expect(Object.keys(store)).toEqual([openStore(store).store.kind])
  expect(Object.keys(api).filter((key) => !['listen', 'tokens'].includes(key))).toEqual([])
  return { parsed: parseOptions(options), api, drainMs: drainMs as number, store }
}

describe('the unit of systemd', () => {
  const values = (key: string) => [...UNIT.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map((match) => match[1]!)

  it('starts a command that exists, with a config that is right', () => {
    const [command] = values('ExecStart')
    const [path, serve, ...rest] = command!.split(' ')
    expect([path, serve]).toEqual(['/usr/bin/containerdns', 'serve'])
    expect(rest.filter((word) => word.startsWith('--') && !FLAGS.includes(word))).toEqual([])
    expect(rest).toContain(CONFIG_FILE)
    const { parsed, drainMs, store } = expectRight(read('containerdns.yaml'))
    expect(drainMs).toBeLessThan(1000 * Number(values('TimeoutStopSec')[0]))
    const writable = [`/var/lib/${values('StateDirectory')[0]}/`, `/var/log/${values('LogsDirectory')[0]}/`]
    for (const file of [store.etcd.snapshotFile, parsed.export.queryLog!.file!]) {
      expect(writable.some((directory) => file.startsWith(directory))).toBe(true)
    }
    expect(read('containerdns.logrotate')).toContain(`\n${parsed.export.queryLog!.file} {`)
  })

  it('waits for the notification that the command line sends', () => {
    expect(values('Type')).toEqual(['notify'])
    expect(values('NotifyAccess')).toEqual(['all'])
    expect(readFileSync(new URL('lib/cli/notify-systemd.ts', ROOT), 'utf8')).toContain('systemd-notify')
  })

  it('is found right, and safe, by systemd', () => {
    const unit = join(folder, 'containerdns@a.service')
    // Not installed here.
    writeFileSync(unit, UNIT.replace('/usr/bin/containerdns', process.execPath).replace(/^Documentation=.*$/m, ''))
    const verified = spawnSync('systemd-analyze', ['verify', '--man=no', unit], { encoding: 'utf8' })
    expect(`${verified.stdout}${verified.stderr}`.split('\n').filter((line) => line.includes('containerdns'))).toEqual(
      [],
    )
    const security = spawnSync('systemd-analyze', ['security', '--offline=yes', '--threshold=30', '--no-pager', unit], {
      encoding: 'utf8',
    })
    expect({ status: security.status, rating: /exposure level.*$/m.exec(security.stdout)?.[0] }).toMatchObject({
      status: 0,
    })
  })
})

describe('the drop-in for AF_XDP', () => {
  const lines = read('containerdns-xdp.conf').split('\n')
  const settings = lines.filter((line) => line !== '' && !/^[#[]/.test(line))

  it('allows what the transport asks the kernel for', () => {
    const capabilities = 'CAP_NET_RAW CAP_BPF'
    expect(settings).toEqual([
      `AmbientCapabilities=${capabilities}`,
      `CapabilityBoundingSet=${capabilities}`,
      'RestrictAddressFamilies=AF_XDP',
      'SystemCallFilter=bpf',
      'LimitMEMLOCK=infinity',
    ])
    // None of them is in the unit, and CAP_NET_ADMIN is.
    const unit = UNIT.split('\n').filter((line) => !line.startsWith('#'))
    expect(unit.filter((line) => /CAP_NET_RAW|CAP_BPF|AF_XDP|MEMLOCK|[= ]bpf/.test(line))).toEqual([])
    expect(unit.filter((line) => /^(Ambient|Cap).*CAP_NET_ADMIN/.test(line))).toHaveLength(2)
  })

  it('is understood by systemd, beside the unit', () => {
    const unit = join(folder, 'containerdns@x.service')
    writeFileSync(unit, UNIT.replace('/usr/bin/containerdns', process.execPath).replace(/^Documentation=.*$/m, ''))
    mkdirSync(`${unit}.d`)
    const verify = (dropIn: string) => {
      writeFileSync(join(`${unit}.d`, 'xdp.conf'), dropIn)
      const { stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', unit], { encoding: 'utf8' })
      return `${stdout}${stderr}`.split('\n').filter((line) => line.includes('containerdns'))
    }
    expect(verify(lines.join('\n'))).toEqual([])
    expect(verify(lines.join('\n').replace('AF_XDP', 'AF_NONE_SUCH'))).toHaveLength(1)
  })
})

describe('the Dockerfile', () => {
  const lines = read('Dockerfile')
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
  const of = (instruction: string) =>
    lines.filter((line) => line.startsWith(`${instruction} `)).map((line) => line.slice(instruction.length + 1))

  it('builds in one stage and runs in another, as nobody in particular', () => {
    expect(of('FROM')).toHaveLength(2)
    expect(of('USER')).toEqual(['65532:65532'])
    expect(lines.indexOf('USER 65532:65532')).toBeGreaterThan(lines.findLastIndex((line) => line.startsWith('FROM ')))
  })

  it('copies what is there, and what its context lets through', () => {
    const allowed = read('Dockerfile.dockerignore').split('\n')
    const sources = of('COPY')
      .filter((line) => !line.startsWith('--from'))
      .flatMap((line) => line.split(' ').slice(0, -1))
    for (const source of sources) {
      expect(existsSync(new URL(source, ROOT))).toBe(true)
      expect(allowed).toContain(`!${source}`)
    }
  })

  it('runs the command line with a config where the manifests put it', () => {
    const { bin } = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8'))
    const [entry] = of('ENTRYPOINT').map((json) => JSON.parse(json) as string[])
    expect(entry!.at(-1)).toBe(join('/app', bin.containerdns))
    const [command] = of('CMD').map((json) => JSON.parse(json) as string[])
    expect(command![0]).toBe('serve')
    expect(command!.filter((word) => word.startsWith('--') && !FLAGS.includes(word))).toEqual([])
    expect(workloads.map(({ spec }) => spec.template.spec.containers[0].args)).toEqual(workloads.map(() => command))
    const { parsed, api } = expectRight(configText)
    const exposed = of('EXPOSE')[0]!.split(' ')
    expect(exposed).toEqual([
      `${parsed.listen[0]!.port}/udp`,
      `${parsed.listen[0]!.port}/tcp`,
      `${api.listen.port}/tcp`,
    ])
  })
})

describe('the manifests for Kubernetes', () => {
  it('are of kinds that there are, and belong together', () => {
    expect(manifests.map(({ apiVersion, kind }) => `${apiVersion} ${kind}`).sort()).toEqual([
      'apps/v1 DaemonSet',
      'apps/v1 Deployment',
      'policy/v1 PodDisruptionBudget',
      ...Array(3).fill('rbac.authorization.k8s.io/v1 ClusterRole'),
      ...Array(3).fill('rbac.authorization.k8s.io/v1 ClusterRoleBinding'),
      ...['v1 ConfigMap', 'v1 Secret', 'v1 Service', 'v1 ServiceAccount'],
    ])
    const namespaces = manifests
      .filter(({ kind }) => !kind.startsWith('Cluster'))
      .map(({ metadata }) => metadata.namespace)
    expect(new Set(namespaces)).toEqual(new Set(['kube-system']))
    const bindings = ofKind('ClusterRoleBinding')
    const roles = ofKind('ClusterRole')
    expect(bindings.map((binding) => binding['roleRef'].name)).toEqual(roles.map(({ metadata }) => metadata.name))
    for (const binding of bindings) {
      expect(binding['subjects'][0].name).toBe(ofKind('ServiceAccount')[0]!.metadata.name)
    }
    const verbs = roles.flatMap((role) => role['rules'].flatMap((rule: { verbs: string[] }) => rule.verbs))
    expect(new Set(verbs)).toEqual(new Set(['list', 'watch']))
  })

  it.each(workloads.map((workload) => [workload.kind, workload] as const))('%s runs what it mounts', (_, workload) => {
    const { selector, template } = workload['spec']
    const { spec } = template
    const [container] = spec.containers
    expect(template.metadata.labels).toMatchObject(selector.matchLabels)
    expect(spec.serviceAccountName).toBe(ofKind('ServiceAccount')[0]!.metadata.name)
    const mounts = new Map<string, string>(
      container.volumeMounts.map(({ name, mountPath }: { name: string; mountPath: string }) => [name, mountPath]),
    )
    expect([...mounts.keys()].sort()).toEqual(spec.volumes.map(({ name }: { name: string }) => name).sort())
    const { api, store, drainMs, parsed } = expectRight(configText)
    expect(`${mounts.get('config')}/containerdns.yaml`).toBe(CONFIG_FILE)
    expect(api.tokens.file).toBe(`${mounts.get('tokens')}/tokens.yaml`)
    // The store is the cluster: nothing is written, and what it reads, it may.
    expect(spec.volumes.filter((volume: object) => 'emptyDir' in volume)).toEqual([])
    const { pods } = parseKubernetesStoreOptions(store.kubernetes)
    expect(resourcesOf('containerdns').sort()).toEqual(['endpointslices', 'namespaces', 'services'])
    expect(resourcesOf('containerdns-pods')).toEqual(['pods'])
    expect(resourcesOf('containerdns-zones')).toEqual(['nodes'])
    expect(pods).not.toBe('verified')
    const ports = new Map(
      container.ports.map((port: { name: string; containerPort: number }) => [port.name, port.containerPort]),
    )
    expect([ports.get('dns'), ports.get('dns-tcp'), ports.get('api')]).toEqual([
      ...[parsed.listen[0]!.port, parsed.listen[0]!.port, api.listen.port],
    ])
    const { periodSeconds, failureThreshold } = container.readinessProbe
    expect(drainMs).toBeGreaterThan(1000 * periodSeconds * failureThreshold)
    expect(spec.terminationGracePeriodSeconds * 1000).toBeGreaterThan(drainMs)
    expect(container.securityContext.capabilities).toEqual({ drop: ['ALL'] })
  })

  it('probe what the API serves to all', () => {
    const routes = readFileSync(new URL('lib/api/v1-server.ts', ROOT), 'utf8')
    for (const { spec } of workloads) {
      const { startupProbe, livenessProbe, readinessProbe } = spec.template.spec.containers[0]
      const paths = [startupProbe, livenessProbe, readinessProbe].map(({ httpGet }) => httpGet.path)
      expect(paths).toEqual(['/health', '/health', '/ready'])
      for (const path of paths) expect(routes).toContain(`path: '${path}', access: 'open'`)
    }
  })

  it('send what comes for port 53 to the pods', () => {
    const [service] = ofKind('Service')
    const ports = service!['spec'].ports as { protocol: string; port: number; targetPort: string }[]
    for (const workload of workloads) {
      expect(workload['spec'].template.metadata.labels).toMatchObject(service!['spec'].selector)
      const names = workload['spec'].template.spec.containers[0].ports.map(
        ({ name, protocol }: { name: string; protocol: string }) => `${name} ${protocol}`,
      )
      for (const { targetPort, protocol } of ports) expect(names).toContain(`${targetPort} ${protocol}`)
    }
    expect(ports.filter(({ port }) => port === 53).map(({ protocol }) => protocol)).toEqual(['UDP', 'TCP'])
  })
})

describe('the dashboard for Grafana', () => {
  const dashboard = JSON.parse(read('grafana.json')) as {
    panels: { id: number; title: string; gridPos: { x: number; y: number; w: number }; targets: { expr: string }[] }[]
    templating: { list: { query: unknown }[] }
  }

  it('asks for metrics that there are, by their types', () => {
    const types = new Map(METRICS.map(({ name, type }) => [name, type]))
    const exprs = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))
    exprs.push(JSON.stringify(dashboard.templating.list))
    const used = exprs.flatMap((expr) =>
      [...expr.matchAll(/\b(?:coredns|containerdns|process|nodejs)_[a-z0-9_]+/g)].map(([name]) => ({ name, expr })),
    )
    expect(used.length).toBeGreaterThan(20)
    for (const { name, expr } of used) {
      const metric = name.replace(/_bucket$/, '')
      expect(types.has(metric), name).toBe(true)
      const isRate = new RegExp(`(rate|increase)\\(${name}`).test(expr)
      expect({ name, isRate }).toEqual({ name, isRate: types.get(metric) !== 'gauge' })
    }
  })

  it('has panels in places of their own', () => {
    const places = dashboard.panels.map(({ gridPos: { x, y } }) => `${x} ${y}`)
    expect(new Set(places).size).toBe(places.length)
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(places.length)
    for (const { gridPos } of dashboard.panels) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24)
  })
})

it('each file stands in the README', () => {
  const text = read('README.md')
  for (const file of readdirSync(fileURLToPath(DEPLOY)))
    if (file !== 'README.md' && !file.endsWith('ignore')) expect(text).toContain(file)
})
