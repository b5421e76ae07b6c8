import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createContainerDns } from 'containerdns'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ContainerDnsError } from '../../../lib/errors.js'
import { memoryStore } from '../../../lib/store/memory/memory-store.js'
import type { MemoryStoreOptions } from '../../../lib/store/memory/options.js'
import { nameToText } from '../../../lib/wire/name.js'
import { errorCode } from '../../support/error-code.js'
import { MapSink } from '../map-sink.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'containerdns-files-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function save(name: string, text: string): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, text)
  return path
}

/** Answers for example.org and the reverse zone of 192.0.2.0/24. */
class TwoZones extends MapSink {
  override checkPlace(name?: Uint8Array): void {
    const text = nameToText(name!)
    if (/(^|\.)(example\.org|2\.0\.192\.in-addr\.arpa)$/.test(text)) return
    throw new ContainerDnsError('CDNS_NAME_OUT_OF_ZONE', `${text} is in none of the zones`)
  }
}

async function open(options: MemoryStoreOptions) {
  const store = memoryStore(options)
  const sink = new TwoZones()
  await store.open(sink)
  return { store, sink, [Symbol.asyncDispose]: () => store.close() }
}

const APEX = '$ORIGIN example.org.\n$TTL 60\n@ SOA ns host 1 2 3 4 5\n NS ns\nns A 192.0.2.1\n'

describe('memoryStore with zone files', () => {
  it('serves the records, those of an RRset together wherever they stand', async () => {
    const zoneFile = await save(
      'a.zone',
      `${APEX}www A 192.0.2.2\nmail A 192.0.2.3\nWWW 20 A 192.0.2.4\nwww A 192.0.2.2\n`,
    )
    await using opened = await open({ zoneFile })
    expect(opened.sink.dump()).toEqual({
      'example.org': ['60 NS ns.example.org', '60 SOA ns.example.org host.example.org 1 2 3 4 5'],
      'mail.example.org': ['60 A 192.0.2.3'],
      'ns.example.org': ['60 A 192.0.2.1'],
      // RFC 2181 §5.2: the lowest TTL for all of them.
      'www.example.org': ['20 A 192.0.2.2', '20 A 192.0.2.4'],
    })
    expect(opened.store.status()).toMatchObject({ loads: 1, changes: 0 })
  })

  it('takes an origin with the path, and the default TTL where a file has none', async () => {
    const path = await save('b.zone', 'www A 192.0.2.2\n')
    await using opened = await open({ zoneFile: [{ path, origin: 'Example.ORG' }] })
    expect(opened.sink.dump()).toEqual({ 'www.example.org': ['30 A 192.0.2.2'] })
  })

  it('makes one RRset of the records of several files', async () => {
    const zoneFile = [await save('c.zone', APEX), await save('d.zone', 'ns.example.org. 5 A 192.0.2.7\n')]
    const hostsFile = await save('c.hosts', '192.0.2.8 ns.example.org\n')
    const rrset = { name: 'ns.example.org', type: 'A', data: [{ address: '192.0.2.9', weight: 4 }] }
    const recordsFile = await save('c.json', JSON.stringify([rrset]))
    await using opened = await open({ zoneFile, hostsFile, recordsFile })
    expect(opened.sink.lines('ns.example.org')).toEqual([
      '5 A 192.0.2.1 1',
      '5 A 192.0.2.7 1',
      '5 A 192.0.2.8 1',
      '5 A 192.0.2.9 4',
    ])
  })

  describe('of two zones, one below the other', () => {
    const UPPER = `${APEX}sub 5 NS ns.sub\nsub NS old.example.\nsub TYPE43 \\# 1 00\nns.sub A 192.0.2.9\ngone.sub TXT x\n`
    const LOWER = '$ORIGIN sub.example.org.\n$TTL 60\n@ SOA ns host 7 2 3 4 5\n NS ns\nns A 192.0.2.7\n'
    const ANSWERED = {
      'example.org': ['60 NS ns.example.org', '60 SOA ns.example.org host.example.org 1 2 3 4 5'],
      'ns.example.org': ['60 A 192.0.2.1'],
      'ns.sub.example.org': ['60 A 192.0.2.7'],
      'sub.example.org': [
        '60 NS ns.sub.example.org',
        '60 SOA ns.sub.example.org host.sub.example.org 7 2 3 4 5',
        '60 TYPE43 \\# 1 00',
      ],
    }

    it('takes what the lower one says of itself, and of the upper one DS alone', async () => {
      const zones = [await save('upper.zone', UPPER), await save('lower.zone', LOWER)]
      for (const zoneFile of [zones, [...zones].reverse()]) {
        await using opened = await open({ zoneFile })
        expect(opened.sink.dump()).toEqual(ANSWERED)
      }
    })

    it('takes the delegation where no file has the lower one, and again when its file has gone', async () => {
      const upper = await save('upper.zone', UPPER)
      const lower = await save('lower.zone', LOWER)
      await using opened = await open({ zoneFile: upper })
      const alone = opened.sink.dump()
      expect(alone).toMatchObject({ 'gone.sub.example.org': ['60 TXT x'], 'ns.sub.example.org': ['60 A 192.0.2.9'] })
      await opened.store.reload({ zoneFile: [upper, lower] })
      expect(opened.sink.dump()).toEqual(ANSWERED)
      await opened.store.reload({ zoneFile: upper })
      expect(opened.sink.dump()).toEqual(alone)
    })

    it('takes all that files say which have no zone of their own, or both', async () => {
      const hostsFile = await save('both.hosts', '192.0.2.8 ns.sub.example.org\n')
      const zoneFile = [await save('upper.zone', UPPER), await save('lower.zone', LOWER)]
      await using opened = await open({ zoneFile, hostsFile })
      expect(opened.sink.lines('ns.sub.example.org')).toEqual(['30 A 192.0.2.7', '30 A 192.0.2.8'])
      await using both = await open({ zoneFile: await save('both.zone', `${LOWER}${UPPER}`) })
      expect(both.sink.lines('ns.sub.example.org')).toEqual(['60 A 192.0.2.7', '60 A 192.0.2.9'])
    })
  })

  it('follows the file at a reload, and leaves alone what the program has put', async () => {
    const zoneFile = await save('e.zone', `${APEX}gone A 192.0.2.2\nown A 192.0.2.2\n`)
    await using opened = await open({ zoneFile })
    await opened.store.put([{ name: 'own.example.org', type: 'A', data: ['192.0.2.9'] }])
    await save('e.zone', `${APEX}new A 192.0.2.3\nown A 192.0.2.4\n`)
    opened.sink.writes.length = 0
    await opened.store.reload()
    expect(opened.sink.writes.map(({ name }) => name).sort()).toEqual(['gone.example.org', 'new.example.org'])
    expect(opened.sink.lines('own.example.org')).toEqual(['30 A 192.0.2.9'])
    await opened.store.delete('own.example.org')
    await opened.store.reload()
    expect(opened.sink.lines('own.example.org')).toEqual(['60 A 192.0.2.4'])
  })

  it.each([
    ['an address that is none', 'x A 192.0.2.300', 6, 'CDNS_ADDRESS_INVALID'],
    ['a number out of range', 'x MX 65536 y', 6, 'CDNS_NUMBER_INVALID'],
    ['a string that is too long', `x TXT ${'y'.repeat(256)}`, 6, 'CDNS_STRING_TOO_LONG'],
    ['a name outside the zones', 'x.example. A 192.0.2.1', 6, 'CDNS_NAME_OUT_OF_ZONE'],
    ['a CNAME beside others', '\nns CNAME y', 7, 'CDNS_CNAME_CONFLICT'],
    ['others beside a CNAME', 'x CNAME y\nx A 192.0.2.1', 7, 'CDNS_CNAME_CONFLICT'],
    ['two CNAMEs', 'x CNAME y\nx CNAME z', 7, 'CDNS_RRSET_INVALID'],
    ['two SOAs', '@ SOA ns host 2 2 3 4 5', 6, 'CDNS_RRSET_INVALID'],
    [
      'an RRset that no message carries',
      `x TXT ${'"y" '.repeat(30_000)}\nx TXT ${'"z" '.repeat(30_000)}`,
      7,
      'CDNS_RRSET_TOO_LARGE',
    ],
    ['a parenthesis that does not close', 'x TXT ( y', 6, undefined],
  ])('changes nothing for %s, and says where', async (_, text, line, code) => {
    const zoneFile = await save('f.zone', APEX)
    await using opened = await open({ zoneFile })
    const before = opened.sink.dump()
    await save('f.zone', `${APEX}${text}\n`)
    await expect(opened.store.reload()).rejects.toMatchObject({
      code: 'CDNS_ZONE_FILE_INVALID',
      message: expect.stringContaining(`${zoneFile}, line ${line}: `),
      ...(code === undefined ? {} : { cause: { code } }),
    })
    expect(opened.sink.dump()).toEqual(before)
  })

  it('refuses a file that has a CNAME where the program has put an address', async () => {
    const zoneFile = await save('g.zone', APEX)
    await using opened = await open({ zoneFile })
    await opened.store.put([{ name: 'own.example.org', type: 'A', data: ['192.0.2.9'] }])
    await save('g.zone', `${APEX}own CNAME ns\n`)
    await expect(opened.store.reload()).rejects.toMatchObject({ code: 'CDNS_CNAME_CONFLICT' })
  })

  it('does not open without its files', async () => {
    const zoneFile = await save('h.zone', APEX)
    const missing = join(folder, 'missing')
    const failing = { zone: memoryStore({ zoneFile: [zoneFile, missing] }), hosts: memoryStore({ hostsFile: missing }) }
    await expect(failing.zone.open(new MapSink())).rejects.toMatchObject({ code: 'CDNS_ZONE_FILE_INVALID' })
    await expect(failing.hosts.open(new MapSink())).rejects.toMatchObject({ code: 'CDNS_HOSTS_FILE_INVALID' })
  })

  it.each([
    [{ zoneFile: 5 }, 'CDNS_OPTION_INVALID'],
    [{ zoneFile: '' }, 'CDNS_OPTION_INVALID'],
    [{ zoneFile: ['a', ''] }, 'CDNS_OPTION_INVALID'],
    [{ zoneFile: null }, 'CDNS_OPTION_INVALID'],
    [{ zoneFile: { origin: 'a' } }, 'CDNS_OPTION_INVALID'],
    [{ zoneFile: { path: 'a', origin: 'a..b' } }, 'CDNS_OPTION_INVALID'],
    [{ zoneFile: { path: 'a', orign: 'a' } }, 'CDNS_OPTION_UNKNOWN'],
    [{ hostsFile: {} }, 'CDNS_OPTION_INVALID'],
    [{ hostsFile: new Array(1) }, 'CDNS_OPTION_INVALID'],
  ])('refuses options %j', (options, code) => {
    expect(errorCode(() => memoryStore(options as MemoryStoreOptions))).toBe(code)
  })

  it('answers with each record of a zone full of corners', async () => {
    const path = fileURLToPath(new URL('../../zone-file/nasty.zone', import.meta.url))
    const store = memoryStore({ zoneFile: { path, origin: 'nasty.example' } })
    await using dns = await createContainerDns({ zones: ['nasty.example'], listen: { port: 0 }, workers: 1, store })
    const { answer } = await dns.query('nasty.example', 'SOA')
    expect(answer).toMatchObject([
      { type: 'SOA', ttl: 5400, data: { rname: 'host\\.master.nasty.example', serial: 2026112301 } },
    ])
    const https = await dns.query('https.nasty.example', 'HTTPS')
    expect(https.answer[0]?.data).toMatchObject({ priority: 1, params: { alpn: ['h3'], 'no-default-alpn': true } })
    const generic = await dns.query('generic.nasty.example', 'TYPE731')
    expect(generic.answer.map(({ type, data }) => [type, data])).toEqual([['TYPE731', '\\# 6 abcdef012345']])
    const txt = await dns.query('txt.nasty.example', 'TXT')
    expect(txt.answer[0]?.data).toEqual(['one', 'two', Uint8Array.from(Buffer.from('bytes \xff\0 \xc8', 'latin1'))])
  })
})

describe('memoryStore with a hosts file', () => {
  it('has addresses for names in our zones, and a PTR to the first name of a line', async () => {
    const hostsFile = await save(
      'a.hosts',
      '127.0.0.1 localhost\n192.0.2.1 www.example.org alias.example.org www\n192.0.2.1 other.example.org\n2001:db8::1 www.example.org\n192.0.2.9 elsewhere.example\n',
    )
    await using opened = await open({ hostsFile })
    expect(opened.sink.dump()).toEqual({
      '1.2.0.192.in-addr.arpa': ['30 PTR other.example.org', '30 PTR www.example.org'],
      '9.2.0.192.in-addr.arpa': ['30 PTR elsewhere.example'],
      'alias.example.org': ['30 A 192.0.2.1'],
      'other.example.org': ['30 A 192.0.2.1'],
      'www.example.org': ['30 A 192.0.2.1', '30 AAAA 2001:db8::1'],
    })
  })

  it.each([
    ['nonsense www.example.org', 'CDNS_ADDRESS_INVALID'],
    ['192.0.2.1 a..example.org', 'CDNS_NAME_INVALID'],
    [`192.0.2.1 ${'x'.repeat(64)}.example.org`, 'CDNS_LABEL_TOO_LONG'],
  ])('says in which line it is wrong: %s', async (line, code) => {
    const hostsFile = await save('b.hosts', `192.0.2.1 www.example.org\n${line}\n`)
    await expect(open({ hostsFile })).rejects.toMatchObject({
      code: 'CDNS_HOSTS_FILE_INVALID',
      message: expect.stringContaining(`${hostsFile}, line 2: `),
      cause: { code },
    })
  })
})
