import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { service } from '../kubernetes/objects.js'
import { eventually } from '../support/eventually.js'
import { KubeSimulator } from '../support/kube-simulator.js'
import { Etcd } from '../support/start-etcd.js'

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

it('containerdns kubernetes says what is wrong, and ends', async () => {
  const flags = ['--cluster', 'east', '--kubeconfig', '/nonexistent', '--etcd', 'http://127.0.0.1:1']
  const child = spawn(process.execPath, [CLI, 'kubernetes', ...flags], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (output += text.toString()))
  expect((await once(child, 'exit'))[0]).toBe(1)
  expect(output).toContain('CDNS_KUBECONFIG_INVALID')
})
