import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ContainerdnsLayout } from '../../../lib/store/etcd/layout-containerdns.js'
import { NO_TTL } from '../../../lib/store/etcd/leaf.js'
import { fnv32a } from '../../../lib/store/etcd/new-leaves.js'
import { nameToText } from '../../../lib/wire/name.js'
import { rdataCodec } from '../../../lib/wire/rdata/codec.js'
import { typeName } from '../../../lib/wire/rdata/record-type.js'

const layout = new ContainerdnsLayout('/containerdns/')

/** A line for each record, or what else the key says. */
function decode(key: string, value: unknown): string | string[] {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  const decoded = layout.decode(Buffer.from(key, 'latin1'), Buffer.from(text))
  if (decoded.kind === 'bad') return `bad: ${decoded.reason}`
  if (decoded.kind === 'health') return `${decoded.address} is ${decoded.state}`
  if (decoded.kind !== 'records') return decoded.kind
  return decoded.records.map(({ owner, type, ttl, rdata, path }) => {
    const data = rdataCodec(typeName(type)).decode(rdata, 0, rdata.length)
    const shown =
      typeof data === 'string'
        ? data
        : Array.isArray(data)
          ? data.map((each) => each.length).join('+')
          : Object.values(data).join(' ')
    return `${nameToText(owner)} ${ttl === NO_TTL ? '-' : ttl} ${typeName(type)} ${shown} @${path}`
  })
}

const Z = '/containerdns/local/containerdns'
const address = { type: 'A', host: '10.0.0.1', ttl: 30 }

describe('the containerdns layout', () => {
  it.each<[key: string, value: unknown, records: string[]]>([
    [`${Z}/www/debebe8d/`, address, ['www.containerdns.local 30 A 10.0.0.1 @debebe8d']],
    [`${Z}/www/debebe8d`, address, ['www.containerdns.local 30 A 10.0.0.1 @/local/containerdns/www/debebe8d']],
    [
      '/containerdns/LOCAL/containerdns/WWW/DEBEBE8D/',
      address,
      ['www.containerdns.local 30 A 10.0.0.1 @/LOCAL/containerdns/WWW/DEBEBE8D/'],
    ],
    [`${Z}/www/1/`, { type: 'AAAA', host: '2001:db8::1' }, ['www.containerdns.local - AAAA 2001:db8::1 @1']],
    [
      `${Z}/tv1/`,
      { type: 'CNAME', host: 'cctv2.containerdns.local.' },
      ['tv1.containerdns.local - CNAME cctv2.containerdns.local @'],
    ],
    [`${Z}/tv1`, { type: 'cname', host: 'a.b' }, ['tv1.containerdns.local - CNAME a.b @/local/containerdns/tv1']],
    // Records go under the name without the leaf, whatever the leaf looks like.
    [`${Z}/www/`, address, ['containerdns.local 30 A 10.0.0.1 @www']],
    // The type decides, and host does where there is none.
    [`${Z}/www/1/`, { type: 'a', host: '2001:db8::1' }, ['www.containerdns.local - AAAA 2001:db8::1 @1']],
    [`${Z}/www/1/`, { host: '10.0.0.1' }, ['www.containerdns.local - A 10.0.0.1 @1']],
    [`${Z}/www/1/`, { host: '2001:db8::1', type: '' }, ['www.containerdns.local - AAAA 2001:db8::1 @1']],
    [`${Z}/www/`, { host: 'a.example.net' }, ['www.containerdns.local - CNAME a.example.net @']],
    // The zone itself.
    [`${Z}/dns/ns/dns/dns-ip/1/`, address, ['containerdns.local 30 A 10.0.0.1 @dns/ns/dns/dns-ip/1']],
    [`${Z}/txt/spf/`, { type: 'TXT', text: 'v=spf1 -all' }, ['containerdns.local - TXT v=spf1 -all @txt/spf']],
    [`${Z}/txt/long/`, { type: 'TXT', text: 'ü'.repeat(200) }, ['containerdns.local - TXT 127+73 @txt/long']],
    [
      `${Z}/mail/m1/`,
      { type: 'MX', host: 'm1.example.net.', priority: 5, mail: true },
      ['containerdns.local - MX 5 m1.example.net @mail/m1'],
    ],
    [
      `${Z}/mail/m1/`,
      { type: 'MX', host: '10.0.0.1' },
      ['containerdns.local - MX 10 m1.mail.containerdns.local @mail/m1', 'm1.mail.containerdns.local - A 10.0.0.1 @'],
    ],
    [
      `${Z}/dns/ns/ns1/`,
      { type: 'NS', host: '10.0.0.1', ttl: 30 },
      [
        'containerdns.local 30 NS ns1.containerdns.local @dns/ns/ns1',
        'ns1.containerdns.local 30 A 10.0.0.1 @/local/containerdns/dns/ns/ns1/',
      ],
    ],
    [
      `${Z}/dns/ns/ns1/`,
      { type: 'NS', host: 'ns.example.net' },
      ['containerdns.local - NS ns.example.net @dns/ns/ns1'],
    ],
    // Addresses of names that are called so.
    [`${Z}/mail/1/`, address, ['mail.containerdns.local 30 A 10.0.0.1 @1']],
    [`${Z}/dns/ns/1/`, address, ['ns.dns.containerdns.local 30 A 10.0.0.1 @1']],
    // SRV: with defaults, a name, and an address, which is what the origin's API writes.
    [
      `${Z}/_tcp/_sip/1/`,
      { type: 'SRV', host: 'a.example.net', port: 5060 },
      ['_sip._tcp.containerdns.local - SRV 10 10 5060 a.example.net @1'],
    ],
    [
      `${Z}/_tcp/_sip/1/`,
      { type: 'SRV', host: 'a.example.net', port: 5060, priority: 0, weight: 7 },
      ['_sip._tcp.containerdns.local - SRV 0 7 5060 a.example.net @1'],
    ],
    [
      `${Z}/svc/1/`,
      { type: 'SRV', host: '10.0.0.1', port: 80 },
      ['svc.containerdns.local - SRV 10 10 80 1.svc.containerdns.local @1', '1.svc.containerdns.local - A 10.0.0.1 @'],
    ],
    [`${Z}/_under_score/*/1/`, address, ['*._under_score.containerdns.local 30 A 10.0.0.1 @1']],
  ])('reads %s %o', (key, value, records) => {
    expect(decode(key, value)).toEqual(records)
  })

  it.each([0, 1, 2147483647])('takes the TTL %i', (ttl) => {
    expect(decode(`${Z}/www/1/`, { ...address, ttl })).toEqual([`www.containerdns.local ${ttl} A 10.0.0.1 @1`])
  })

  it.each([-1, 2147483648, 1.5, '30', null, {}, [30], true])('takes the TTL %o for none', (ttl) => {
    expect(decode(`${Z}/www/1/`, { ...address, ttl })).toEqual(['www.containerdns.local - A 10.0.0.1 @1'])
  })

  it.each([
    ['/containerdns/monitor/status', '{"status":"UP"}'],
    ['/containerdns/monitor/status/', '{"status":"UP"}'],
    ['/containerdns/monitor/status/node-1', '{"status":"UP"}'],
    ['/containerdns/monitor/status/10.0.0.1/x', '{"status":"UP"}'],
    ['/containerdns/monitor/report/10.0.0.1', '{"status":"UP"}'],
    ['/containerdns.w/org/example/www/A', '{}'],
    ['/containerdns/monitor/job/ipaddress/10.0.0.1', 'whatever'],
    ['/containerdns/monitor/agent/node-1', '{}'],
    ['/containerdns/monitor', '{}'],
    ['/containerdns/apiHost/10.0.0.1', '{"version":"2.1.1"}'],
    ['/containerdns/jobs/ipaddress/n1', '{"agent_name":"node-1","update_time":"x","init_data":"y","status":"z"}'],
  ])('passes over %s, which is for other programs', (key, value) => {
    expect(decode(key, value)).toBe('ignored')
    if (key.includes('monitor')) expect(layout.spots(Buffer.from(key))).toEqual([])
  })

  const status = '/containerdns/monitor/status'
  it.each([
    [`${status}/10.0.0.1`, '{"status":"UP","ports":["80"],"domains":["a.b"],"cluster":""}', '10.0.0.1 is healthy'],
    [`${status}/10.0.0.1`, '{"status":"DOWN","ports":[],"domains":[],"cluster":""}', '10.0.0.1 is unhealthy'],
    [`${status}/10.0.0.1`, '{"status":"DONW"}', '10.0.0.1 is unknown'],
    [`${status}/10.0.0.1`, '{"status":["UP"]}', '10.0.0.1 is unknown'],
    [`${status}/10.0.0.1`, '{}', '10.0.0.1 is unknown'],
    [`${status}/10.0.0.1/`, '{"status":"UP"}', '10.0.0.1 is healthy'],
    [`${status}/2001:DB8:0::1`, '{"status":"UP"}', '2001:db8::1 is healthy'],
  ])('reads %s %s as the health of an address', (key, value, health) => {
    expect(decode(key, value)).toBe(health)
    expect(layout.healthAddress(Buffer.from(key))).toBe(health.split(' ')[0])
    expect(layout.spots(Buffer.from(key))).toEqual([])
  })

  it('finds a health word bad that is no JSON, and still knows whose it is', () => {
    expect(decode(`${status}/10.0.0.1`, 'UP')).toBe('bad: the value is not JSON')
    expect(layout.healthAddress(Buffer.from(`${status}/10.0.0.1`))).toBe('10.0.0.1')
  })

  it.each<[key: string, value: unknown]>([
    ['/containerdns/', address],
    ['/containerdns//www/1/', address],
    [`${Z}//1/`, address],
    [`${Z}/www/1//`, address],
    [`${Z}/a.b/1/`, address],
    [`${Z}/a b/1/`, address],
    [`${Z}/${'x'.repeat(64)}/1/`, address],
    [`/containerdns${'/abcdefg'.repeat(40)}/1/`, address],
    ['/containerdns/www/', address],
    [`${Z}/www/1/`, ''],
    [`${Z}/www/1/`, '{'],
    [`${Z}/www/1/`, 'null'],
    [`${Z}/www/1/`, '[{"host":"10.0.0.1"}]'],
    [`${Z}/www/1/`, '"10.0.0.1"'],
    [`${Z}/www/1/`, {}],
    [`${Z}/www/1/`, { type: 'A' }],
    [`${Z}/www/1/`, { type: 'A', host: 10 }],
    [`${Z}/www/1/`, { type: 'A', host: ['10.0.0.1'] }],
    [`${Z}/www/1/`, { type: 'A', host: '10.0.0.256' }],
    [`${Z}/www/1/`, { type: 'A', host: 'fe80::1%eth0' }],
    [`${Z}/www/1/`, { type: 'A', host: 'a.example.net' }],
    [`${Z}/www/1/`, { type: ['A'], host: '10.0.0.1' }],
    [`${Z}/www/1/`, { type: 'PTR', host: 'a.example.net' }],
    [`${Z}/www/1/`, { type: 'constructor', host: 'a.example.net' }],
    [`${Z}/www/`, { type: 'CNAME', host: '10.0.0.1' }],
    [`${Z}/www/`, { type: 'CNAME', host: 'javascript:alert(1) ' }],
    [`${Z}/www/`, { type: 'CNAME', host: `${'x'.repeat(64)}.example` }],
    [`${Z}/www/1/`, { type: 'SRV', host: 'a.example.net', port: 65536 }],
    [`${Z}/www/1/`, { type: 'SRV', host: 'a.example.net', port: '80' }],
    [`${Z}/www/1/`, { type: 'MX', host: 'a.example.net' }],
    [`${Z}/www/1/`, { type: 'TXT', text: 'text' }],
    [`${Z}/txt/1/`, { type: 'TXT', text: '' }],
    [`${Z}/txt/1/`, { type: 'TXT', host: 'text' }],
    [`${Z}/ns/1/`, { type: 'NS', host: '10.0.0.1' }],
    ['/containerdns/mail/m1/', { type: 'MX', host: 'a.example.net' }],
  ])('finds %s %o bad', (key, value) => {
    expect(decode(key, value)).toMatch(/^bad: ./)
  })

  it('is not impressed by hostile values', () => {
    const hostile = [
      '{"__proto__":{"host":"10.0.0.1","type":"A"}}',
      '{"constructor":{"prototype":{"host":"10.0.0.1"}}}',
      `${'['.repeat(100_000)}${']'.repeat(100_000)}`,
      `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`,
      'x'.repeat(10 * 1024 * 1024),
      `{"type":"TXT","text":"${'x'.repeat(100_000)}"}`,
    ]
    for (const value of hostile) expect(decode(`${Z}/txt/1/`, value)).toMatch(/^bad: /)
    expect(layout.decode(Buffer.from(`${Z}/www/1/`), Buffer.from([0x7b, 0xff, 0x7d])).kind).toBe('bad')
    expect(decode(`${Z}/www/1/`, '{"__proto__":{"x":1},"host":"10.0.0.1"}')).toEqual([
      'www.containerdns.local - A 10.0.0.1 @1',
    ])
    expect(({} as { host?: unknown; x?: unknown }).host ?? ({} as { x?: unknown }).x).toBeUndefined()
  })

  const segment = fc.oneof(
    fc.constantFrom('dns', 'ns', 'dns-ip', 'mail', 'txt', 'local', 'WWW', '', 'monitor', 'a.b'),
    fc.string({ maxLength: 70 }),
  )
  const anyKey = fc.oneof(
    fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
    fc.array(segment, { maxLength: 130 }).map((labels) => Buffer.from(`/containerdns/${labels.join('/')}`)),
  )
  const anyType = fc.constantFrom('A', 'AAAA', 'CNAME', 'SRV', 'MX', 'NS', 'TXT', 'ptr', '', 5, null)
  const anyHost = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain(), fc.anything())
  const anyValue = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    fc.json().map((text) => Buffer.from(text)),
    fc
      .record({
        type: anyType,
        host: anyHost,
        ttl: fc.anything(),
        port: fc.anything(),
        priority: fc.anything(),
        text: fc.anything(),
      })
      .map((record) =>
        Buffer.from(JSON.stringify(record, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value))),
      ),
  )

  it('never throws, and finds every record again that it has placed', () => {
    fc.assert(
      fc.property(anyKey, anyValue, (key, value) => {
        const decoded = layout.decode(key, value)
        const spots = layout.spots(key).map(({ owner, path }) => `${nameToText(owner)} ${path}`)
        if (decoded.kind !== 'records') return
        expect(decoded.records.length).toBeGreaterThan(0)
        for (const { owner, path } of decoded.records) {
          expect(spots).toContain(`${nameToText(owner)} ${path}`)
          expect(layout.keyOf(owner, path)).toEqual(key)
        }
      }),
      { numRuns: 3000 },
    )
  })

  it('keeps to its own prefix, and to its own folder right before it', () => {
    expect(layout.rangeStart.toString()).toBe('/containerdns.v1/')
    expect(layout.rangeEnd.toString()).toBe('/containerdns0')
  })

  it("hashes as Go's fnv.New32a does", () => {
    expect(['', 'a', 'foobar'].map((text) => fnv32a(text).toString(16))).toEqual(['811c9dc5', 'e40c292c', 'bf9cf968'])
  })
})
