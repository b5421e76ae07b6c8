import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { namespace, pod, service } from '../kubernetes/objects.js'
import { eventually } from '../support/eventually.js'
import { KubeSimulator } from '../support/kube-simulator.js'
import { Etcd } from '../support/start-etcd.js'
import { dataOf } from '../support/udp-client.js'
import { run } from './cli-process.js'
import { Serve } from './serve-process.js'

const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))

it('containerdns kubernetes writes a cluster to etcd until SIGTERM, and hands over the lead', async () => {
  await using etcd = await Etcd.start()
  await using cluster = await KubeSimulator.start()
  cluster.put('services', service('default/web', ['10.3.0.1']))
  const flags = ['--cluster', 'east', '--zone', 'east.example', '--kubeconfig', cluster.kubeconfig, '--etcd', etcd.host]
  const child = spawn(process.execPath, [CLI, 'kubernetes', ...flags], { stdio: 'ignore' })
  try {
    await eventually(async () =>
      expect(await etcd.ctl('get', '--prefix', '/containerdns/example/east/svc/default/web/')).toContain('"10.3.0.1"'),
    )
    child.kill('SIGTERM')
    expect((await once(child, 'exit'))[0]).toBe(0)
    expect(await etcd.ctl('get', '/containerdns.kubernetes/east/leader')).toBe('')
  } finally {
    child.kill('SIGKILL')
  }
})

it("containerdns kubernetes takes a file of ContainerDNS's kubeapi as it stands", async () => {
  await using etcd = await Etcd.start()
  await using cluster = await KubeSimulator.start()
  cluster.put('services', service('default/web', ['10.3.0.1'], [], { externalIPs: ['192.0.2.1'] }))
  cluster.put('pods', pod('default/p', ['10.1.0.1']))
  const file = join(mkdtempSync(join(tmpdir(), 'containerdns-')), 'containerdns-api.conf')
  const general = `[General]\netcd-server = ${etcd.host}\nhost = 10.0.0.1\ncluster-name = east\n`
  const kube = `[Kube2DNS]\nkube-domain = east.example.\npod-enable = YES\nkube-config-file = ${cluster.kubeconfig}\n`
  writeFileSync(file, `${general}${kube}[DNSApi]\napi-enable = YES\n`)
  const child = spawn(process.execPath, [CLI, 'kubernetes', '--config-file', file], { stdio: 'ignore' })
  try {
    const valuesAt = (name: string) => etcd.ctl('get', '--prefix', `/containerdns/example/east/svc/default/${name}/`)
    await eventually(async () => expect(await valuesAt('web')).toContain('"192.0.2.1"'))
    await eventually(async () => expect(await valuesAt('p')).toContain('"source":"pod"'))
    expect(await etcd.ctl('get', '/containerdns/monitor/status/192.0.2.1')).toContain('"cluster":"east"')
    child.kill('SIGTERM')
    expect((await once(child, 'exit'))[0]).toBe(0)
  } finally {
    child.kill('SIGKILL')
  }
})

it('containerdns kubernetes logs as it is told', async () => {
  const cluster = ['--cluster', 'east', '--kubeconfig', '/nonexistent', '--etcd', 'http://127.0.0.1:1']
  const file = join(mkdtempSync(join(tmpdir(), 'containerdns-')), 'log')
  const { code, stderr } = await run(['kubernetes', ...cluster, '--log-format', 'text', '--log-file', file])
  expect({ code, stderr }).toEqual({ code: 1, stderr: '' })
  expect(readFileSync(file, 'utf8')).toMatch(
    /^\S+Z error containerdns kubernetes could not start\n +CDNS_KUBECONFIG_INVALID: /,
  )
})

it.each([[['--cluster', 'east']], [['--config-file', 'a.conf', '--cluster', 'east']]])(
  'containerdns kubernetes %j is a wrong command line',
  async (flags) => {
    const child = spawn(process.execPath, [CLI, 'kubernetes', ...flags], { stdio: 'ignore' })
    expect((await once(child, 'exit'))[0]).toBe(2)
  },
)

it('containerdns kubernetes says what is wrong, and ends', async () => {
  const flags = ['--cluster', 'east', '--kubeconfig', '/nonexistent', '--etcd', 'http://127.0.0.1:1']
  const child = spawn(process.execPath, [CLI, 'kubernetes', ...flags], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (output += text.toString()))
  expect((await once(child, 'exit'))[0]).toBe(1)
  expect(output).toContain('CDNS_KUBECONFIG_INVALID')
})

it.each([
  ['a flag', (kubeconfig: string) => ['--kubernetes', kubeconfig]],
  [
    'a config',
    (kubeconfig: string) => {
      const file = join(mkdtempSync(join(tmpdir(), 'containerdns-')), 'containerdns.yaml')
      writeFileSync(file, `store: { kubernetes: { kubeconfig: ${JSON.stringify(kubeconfig)}, pods: insecure } }\n`)
      return ['--config', file]
    },
  ],
])('containerdns serve answers for a cluster that it is told of by %s', async (_, flagsOf) => {
  await using cluster = await KubeSimulator.start()
  cluster.put('namespaces', namespace('default'))
  cluster.put('services', service('default/web', ['10.3.0.1']))
  await using serve = new Serve({}, ...flagsOf(cluster.kubeconfig))
  await using client = await serve.client()
  expect(dataOf(await client.ask('web.default.svc.cluster.local'))).toEqual(['10.3.0.1'])
  expect(dataOf(await client.ask('1.0.3.10.in-addr.arpa', 'PTR'))).toEqual(['web.default.svc.cluster.local'])
  cluster.put('services', service('default/web', ['10.3.0.2']))
  await eventually(async () => expect(dataOf(await client.ask('web.default.svc.cluster.local'))).toEqual(['10.3.0.2']))
})
