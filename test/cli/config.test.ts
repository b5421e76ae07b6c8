import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, describe, expect, it } from 'vitest'
import { makeCertificate } from '../support/certificates.js'
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

  it('reaches all that decides over answers: views, limits, hooks, options of EDNS, DoT and DoH', async () => {
    const { cert, key } = makeCertificate()
    file('tls.crt', cert)
    file('tls.key', key)
    file('on-query.mjs', "export const onQuery = ({ name }) => (name === 'hooked.example' ? 'refuse' : 'continue')")
    file(
      'records.json',
      JSON.stringify([
        { name: 'www.example', type: 'A', data: ['192.0.2.1'] },
        { name: 'www.example', type: 'A', data: ['192.0.2.2'], view: 'here' },
        { name: 'many.example', type: 'A', data: Array.from({ length: 20 }, (_, i) => `192.0.2.${i}`) },
        { name: 'few.example', type: 'A', data: ['192.0.2.1', '192.0.2.2', '192.0.2.3'] },
      ]),
    )
    const tls = 'tls: { cert: tls.crt, key: tls.key }'
    const config = file(
      'everything.yaml',
      `zones: [{ name: example, selection: { policy: clientHash, maxAnswers: 2, affinity: subnet } }]
listen:
  - { port: 0 }
  - { port: 0, protocols: [dot], ${tls} }
  - { port: 0, protocols: [doh], ${tls} }
store: { memory: { recordsFile: records.json } }
edns: { udpPayloadSize: 1400, nsid: one, cookies: require, clientSubnet: { trusted: [127.0.0.1] } }
identity: { version: it, hostname: false }
views: [{ name: here, clients: [127.0.0.0/8] }]
acl:
  - { clients: [127.0.0.0/8], action: allow }
  - { clients: [127.0.0.2], action: refuse }
rateLimit: { responsesPerSecond: 1000, slip: 1, queriesPerSecond: 1000, allow: [127.0.0.3], entries: 960 }
amplification: { ratio: 3, trusted: [] }
hooks: { onQuery: on-query.mjs }
hookTimeoutMs: 20
tcp: { idleTimeoutMs: 5000 }
`,
    )
    await using serve = new Serve({ asConfigured: true }, '--config', config)
    const { addresses } = (await serve.said('answering')) as unknown as {
      addresses: { protocol: string; port: number }[]
    }
    const port = (protocol: string) => addresses.find((each) => each.protocol === protocol)!.port
    const kdig = async (...args: string[]) =>
      (await promisify(execFile)('kdig', ['@127.0.0.1', '+retry=0', ...args])).stdout
    const [udp, dot, doh] = [port('udp'), port('dot'), port('doh')].map(String) as [string, string, string]

    for (const how of [
      ['-p', udp],
      ['-p', udp, '+tcp'],
      ['-p', dot, '+tls'],
      ['-p', doh, '+https'],
      ['-p', doh, '+https', '+https-get'],
    ]) {
      expect(await kdig(...how, '+short', 'www.example')).toBe('192.0.2.2\n')
      expect((await kdig(...how, '+short', 'few.example')).split('\n')).toHaveLength(3)
      expect(await kdig(...how, 'hooked.example')).toContain('status: REFUSED')
      expect(await kdig(...how, '-b', '127.0.0.2', 'www.example')).toContain('status: REFUSED')
    }
    expect(await kdig('-p', udp, '+nsid', 'www.example')).toMatch(/1400 B.*"one"/s)
    expect(await kdig('-p', udp, '+cookie', '+nobadcookie', 'www.example')).toContain('BADCOOKIE')
    expect(await kdig('-p', udp, '+subnet=192.0.2.0/24', 'www.example')).toContain('192.0.2.0/24')
    expect(await kdig('-p', dot, '+tls', '+padding', 'www.example')).toContain('PADDING')
    expect(await kdig('-p', udp, 'CH', 'TXT', 'version.bind')).toContain('"it"')
    expect(await kdig('-p', udp, 'CH', 'TXT', 'id.server')).toContain('status: REFUSED')
    expect(await kdig('-p', udp, '+ignore', 'many.example', 'ANY')).toMatch(/Flags:[^;]* tc/)
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
