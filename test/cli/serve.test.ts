import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { parseListen } from '../../lib/cli/commands/arguments.js'
import { dataOf } from '../support/udp-client.js'
import { Serve } from './serve-process.js'

const folder = mkdtempSync(join(tmpdir(), 'containerdns-cli-'))
afterAll(() => rmSync(folder, { recursive: true }))

function recordsFile(name: string, content: unknown): string {
  const file = join(folder, name)
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  return file
}

const www = (address: string) => ({ name: 'www.containerdns.local', type: 'A', data: [address] })

describe('containerdns serve', () => {
  it('answers from a file, and says a dig line that works', async () => {
    await using serve = new Serve({}, '--records', recordsFile('a.json', [www('192.0.2.1')]))
    await using client = await serve.client()
    expect(dataOf(await client.ask('www.containerdns.local'))).toEqual(['192.0.2.1'])
    await expect.poll(() => serve.output).toMatch(/^try: dig @127\.0\.0\.1 -p \d+ www\.containerdns\.local A\n$/)
  })

  it('takes zones with commas between, and always has an SOA to ask for', async () => {
    await using serve = new Serve({}, '--zone', 'one.example,two.example')
    await using client = await serve.client()
    expect(await client.ask('two.example', 'SOA')).toMatchObject({ rcode: 'NOERROR' })
    await expect.poll(() => serve.output).toMatch(/ one\.example SOA\n$/)
  })

  it('reads the file again on SIGHUP, all or nothing', async () => {
    const file = recordsFile('b.json', [www('192.0.2.1')])
    await using serve = new Serve({}, '--records', file)
    await using client = await serve.client()
    recordsFile('b.json', [www('192.0.2.2'), { ...www('192.0.2.3'), name: 'new.containerdns.local' }])
    serve.child.kill('SIGHUP')
    await serve.said('read the config and the records again')
    expect(dataOf(await client.ask('www.containerdns.local'))).toEqual(['192.0.2.2'])
    expect(dataOf(await client.ask('new.containerdns.local'))).toEqual(['192.0.2.3'])
    recordsFile('b.json', [www('192.0.2.4'), { name: 'bad' }])
    serve.child.kill('SIGHUP')
    await serve.said('the config and the records stay as they were')
    expect(dataOf(await client.ask('www.containerdns.local'))).toEqual(['192.0.2.2'])
  })

  it('answers from zone files and hosts files, and reads both again on SIGHUP', async () => {
    const zone = recordsFile('a.zone', '$TTL 60\n@ SOA ns host 1 2 3 4 5\n NS ns\nns A 192.0.2.1\n')
    const hosts = recordsFile('hosts', '127.0.0.1 localhost\n192.0.2.2 db.example.org # ours\n')
    await using serve = new Serve({}, '--zone', 'example.org', '--zone-file', zone, '--hosts-file', hosts)
    await using client = await serve.client()
    expect(dataOf(await client.ask('ns.example.org'))).toEqual(['192.0.2.1'])
    expect(dataOf(await client.ask('db.example.org'))).toEqual(['192.0.2.2'])
    recordsFile('a.zone', '$TTL 60\nns A 192.0.2.3\n')
    recordsFile('hosts', '')
    serve.child.kill('SIGHUP')
    await serve.said('read the config and the records again')
    expect(dataOf(await client.ask('ns.example.org'))).toEqual(['192.0.2.3'])
    expect(await client.ask('db.example.org')).toMatchObject({ rcode: 'NXDOMAIN' })
    recordsFile('a.zone', '$TTL 60\nns A nonsense\n')
    serve.child.kill('SIGHUP')
    await serve.said(`${zone}, line 2:`)
    expect(dataOf(await client.ask('ns.example.org'))).toEqual(['192.0.2.3'])
  })

  it.each(['SIGTERM', 'SIGINT'] as const)('stops cleanly on %s', async (signal) => {
    await using serve = new Serve({})
    await serve.said('answering')
    serve.child.kill(signal)
    expect(await serve.ended).toEqual({ code: 0, signal: null })
    await serve.said('stopped')
  })

  it('goes on answering for as long as it drains', async () => {
    await using serve = new Serve({}, '--drain', '1500')
    await using client = await serve.client()
    serve.child.kill('SIGTERM')
    await serve.said('stopping')
    expect(await client.ask('containerdns.local', 'NS')).toMatchObject({ rcode: 'NOERROR' })
    expect(await serve.ended).toEqual({ code: 0, signal: null })
  })

  it.each([
    ['a file that is not there', ['--records', join(folder, 'missing.json')]],
    ['a file with a fault', ['--records', recordsFile('c.json', '[{')]],
    ['a name outside the zones', ['--records', recordsFile('d.json', [{ ...www('192.0.2.1'), name: 'www.example' }])]],
    ['a hosts file that is not there', ['--hosts-file', join(folder, 'missing')]],
  ])('ends with 1 and a reason for %s', async (_, args) => {
    await using serve = new Serve({}, ...args)
    expect(await serve.ended).toEqual({ code: 1, signal: null })
    await serve.said('could not start')
  })

  it.each([
    ['a zone that is none', ['--zone', 'a..b']],
    ['two stores', ['--records', 'x', '--etcd', 'http://127.0.0.1:1']],
    ['an API beside which nobody says who may what', ['--api', '0.0.0.0:0']],
    ['a snapshot of nothing', ['--snapshot', 'x']],
    ['a zone file beside etcd', ['--zone-file', 'x', '--etcd', 'http://127.0.0.1:1']],
    ['a port that is none', ['--listen', '127.0.0.1:99999']],
    ['a prefix that is none', ['--etcd', 'http://127.0.0.1:1', '--etcd-prefix', 'containerdns']],
  ])('ends with 2 and a reason for flags that say %s', async (_, args) => {
    await using serve = new Serve({}, ...args)
    expect(await serve.ended).toEqual({ code: 2, signal: null })
    await serve.said('could not start')
  })

  it('ends with 1 where the same is wrong in the config', async () => {
    const config = recordsFile('port.yaml', 'listen: { port: 99999 }\n')
    await using serve = new Serve({ asConfigured: true }, '--config', config)
    expect(await serve.ended).toEqual({ code: 1, signal: null })
  })

  it('names the flag that helps where a port is taken', async () => {
    await using first = new Serve({})
    const { addresses } = await first.said('answering')
    await using second = new Serve({}, '--listen', `127.0.0.1:${addresses![0]!.port}`)
    expect(await second.ended).toEqual({ code: 1, signal: null })
    expect((await second.said('could not start')) as object).toMatchObject({
      code: 'CDNS_PORT_IN_USE',
      msg: expect.stringContaining('--listen'),
    })
  })
})

describe('an option that is wrong', () => {
  it.each([
    ['--transport', 'pigeon'],
    ['--log-level', 'loud'],
    ['--workers', 'many'],
    ['--prot', '53'],
  ])('is refused with help: %s %s', async (...args) => {
    await using serve = new Serve({}, ...args)
    expect(await serve.ended).toEqual({ code: 2, signal: null })
  })
})

describe('--listen', () => {
  it.each([
    ['53', { port: 53 }],
    ['192.0.2.1', { host: '192.0.2.1' }],
    ['192.0.2.1:53', { host: '192.0.2.1', port: 53 }],
    ['::1', { host: '::1' }],
    ['[::1]', { host: '::1' }],
    ['[2001:db8::1]:53', { host: '2001:db8::1', port: 53 }],
  ])('takes %s', (text, expected) => {
    expect(parseListen(text)).toEqual(expected)
  })
})
