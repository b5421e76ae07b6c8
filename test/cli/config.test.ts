import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { Etcd } from '../support/start-etcd.js'
import { SteadyLoad } from '../support/steady-load.js'
import { dataOf } from '../support/udp-client.js'
import { run } from './cli-process.js'
import { type LogLine, Serve } from './serve-process.js'

const folder = mkdtempSync(join(tmpdir(), 'containerdns-serve-config-'))
afterAll(() => rmSync(folder, { recursive: true }))

function file(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

const apiOf = (line: LogLine) => (line as LogLine & { api: string }).api

describe('containerdns serve --config', () => {
  it('answers by the file, and takes a new one on SIGHUP as a whole', async () => {
    file('a.zone', '$TTL 60\nwww A 192.0.2.1\n')
    file('b.zone', '$TTL 60\nwww A 192.0.2.2\n')
    const zones = (...names: string[]) =>
      `zones: [${names.map((name) => `${name}.example`)}]\nstore:\n  memory:\n    zoneFile:\n${names
        .map((name) => `      - { path: ${name}.zone, origin: ${name}.example }\n`)
        .join('')}`
    const config = file('serve.yaml', zones('a'))
    await using serve = new Serve({}, '--config', config)
    await using client = await serve.client()
    await using load = new SteadyLoad((await serve.said('answering')).addresses![0]!, 'www.a.example', 20)
    expect(dataOf(await client.ask('www.a.example'))).toEqual(['192.0.2.1'])
    expect(await client.ask('www.b.example')).toMatchObject({ rcode: 'REFUSED' })
    file('serve.yaml', `${zones('a', 'b')}negativeTtl: 3\n`)
    serve.child.kill('SIGHUP')
    await serve.said('read the config and the records again')
    expect(dataOf(await client.ask('www.b.example'))).toEqual(['192.0.2.2'])
    for (const [i, wrong] of [
      `${zones('a')}negativTtl: 3\n`,
      `${zones('a', 'missing')}`,
      `${zones('a')}synthesizePtr: true\n`,
      `${zones('a')}api: {}\n`,
    ].entries()) {
      file('serve.yaml', wrong)
      serve.child.kill('SIGHUP')
      await serve.said('the config and the records stay as they were', i + 1)
      expect(dataOf(await client.ask('www.b.example'))).toEqual(['192.0.2.2'])
    }
    await load.end()
    expect({ lost: load.lost, wrong: load.wrong }).toEqual({ lost: 0, wrong: 0 })
  })

  it('ends with 1 and the line where the file is wrong', async () => {
    const config = file('wrong.yaml', 'zones: [example.org]\nlisten:\n  port: many\n')
    await using serve = new Serve({}, '--listen', '0', '--config', config, '--log-level', 'info')
    // The flag stands in for the key that is wrong.
    await serve.said('answering')
    await using bad = new Serve({}, '--config', file('wrong2.yaml', 'zones: [example.org]\nnegativTtl: 3\n'))
    expect(await bad.ended).toEqual({ code: 1, signal: null })
    await bad.said('line 2')
  })

  it('refuses the file of another program of ContainerDNS', async () => {
    const scanner = file('scanner.conf', '[General]\nhostname = h\n[Check]\ncheck-interval = 10\n')
    await using serve = new Serve({}, '--config-file', scanner)
    expect(await serve.ended).toEqual({ code: 1, signal: null })
    await serve.said('containerdns-scanner')
  })

  it('has the API beside it, which the other commands ask', async () => {
    await using serve = new Serve({}, '--zone', 'example', '--api', '127.0.0.1:0')
    const env = { CONTAINERDNS_SERVER: apiOf(await serve.said('answering')) }
    expect(await run(['record', 'put', 'www.example', 'A', '192.0.2.1'], env)).toMatchObject({ code: 0 })
    await using client = await serve.client()
    expect(dataOf(await client.ask('www.example'))).toEqual(['192.0.2.1'])
    expect(await run(['stats'], env)).toMatchObject({ code: 0, stdout: expect.stringContaining('store.kind') })
    serve.child.kill('SIGTERM')
    expect(await serve.ended).toEqual({ code: 0, signal: null })
  })
})

describe('on a real etcd', () => {
  it('the file of ContainerDNS serves what its command has made', async () => {
    await using etcd = await Etcd.start()
    const dns = file(
      'dns.conf',
      `[Dns]\ndns-domain = containerdns.local.\ndns-addr = 127.0.0.1:53\n[Log]\nlog-dir = /x\n[Etcd]\netcd-servers = ${etcd.host}\n`,
    )
    const api = file(
      'api.conf',
      `[General]\ndomain = containerdns.local\netcd-server = ${etcd.host}\n[DNSApi]\napi-address = 127.0.0.1:0\ncontainerdns-auth = 123456789\n`,
    )
    await using serve = new Serve({}, '--config-file', dns)
    await serve.said('log-dir is ignored')
    await using client = await serve.client()
    await using running = new Serve({ command: 'api' }, '--config-file', api)
    const { url } = (await running.said('the API answers')) as LogLine & { url: string }
    const env = { CONDNS_API_ADDR: url, CONDNS_API_TOKEN: '123456789' }
    const apicmd = (...args: string[]) => run(args, env, 'apicmd')
    const name = 'www.containerdns.local'
    expect(await apicmd('-method', 'create', '-domain', name, '-ips', '192.0.2.1;192.0.2.2')).toEqual({
      code: 0,
      stdout: 'OK\n',
      stderr: '',
    })
    await expect.poll(async () => dataOf(await client.ask(name)).sort()).toEqual(['192.0.2.1', '192.0.2.2'])
    expect(await apicmd('-method=update', '-domain', name, '-updates', 'ips:192.0.2.1->192.0.2.3')).toMatchObject({
      code: 0,
    })
    await expect.poll(async () => dataOf(await client.ask(name)).sort()).toEqual(['192.0.2.2', '192.0.2.3'])
    expect(await apicmd('-method', 'create', '-domain', name, '-alias', 'tv.containerdns.local')).toMatchObject({
      code: 0,
    })
    await expect.poll(async () => dataOf(await client.ask('tv.containerdns.local'))).toContain(name)
    expect((await apicmd('-show', '-domain', name)).stdout).toContain('192.0.2.3')
    expect((await apicmd('-list')).stdout).toContain(name)
    expect(await apicmd('-method', 'delete', '-domain', name, '-ips', '192.0.2.2')).toMatchObject({ code: 0 })
    await expect.poll(async () => dataOf(await client.ask(name))).toEqual(['192.0.2.3'])
    expect(await run(['-list'], { ...env, CONDNS_API_TOKEN: 'wrong' }, 'apicmd')).toMatchObject({ code: 1, stdout: '' })
    expect(await apicmd('-method', 'destroy', '-domain', name)).toMatchObject({ code: 2, stdout: '' })
    expect(await apicmd('-method', 'update', '-domain', name, '-updates', 'ips:nonsense')).toMatchObject({
      code: 2,
      stdout: '',
    })
  }, 60_000)
})
