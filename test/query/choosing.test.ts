import { decode } from 'dns-packet'
import { describe, expect, it } from 'vitest'
import { buildCidrTable } from '../../lib/clients/build-cidr-table.js'
import { parseCidr } from '../../lib/clients/cidr.js'
import type { RRset } from '../../lib/records/rrset.js'
import { Answering, type AnsweringOptions } from '../support/answering.js'
import { buildQuery } from '../support/build-query.js'
import { describeResponse } from '../support/expect-response.js'

const FOUR = ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4']
const SOA = 'example. 30 SOA ns.dns.example. hostmaster.example. 7 7200 1800 86400 30'
const TRUSTED = buildCidrTable([{ cidr: parseCidr('trusted', '192.0.2.0/24'), value: 0 }])

const a = (data: RRset['data'], rest: Partial<RRset> = {}): RRset =>
  ({ name: 'www.example', type: 'A', data, ...rest }) as RRset

/** The data of the answers, in the order they came; of a service, its target. */
function answers(server: Answering, query = buildQuery('www.example')): string[] {
  const packet = decode(Buffer.from(server.ask(query, 1232)))
  return packet.answers!.map((record) => {
    const { data } = record as { data: string | { target: string } }
    return typeof data === 'object' && 'target' in data ? data.target : String(data)
  })
}

/** How often each data came first, as a share of all rounds. */
function sharesOfFirst(server: Answering, rounds: number, query?: Uint8Array): Record<string, number> {
  const first: Record<string, number> = {}
  for (let i = 0; i < rounds; i++) {
    const [data] = answers(server, query)
    first[data!] = (first[data!] ?? 0) + 1 / rounds
  }
  return first
}

/** An address of a client, spread over all there are. */
function client(i: number): Uint8Array {
  return Uint8Array.of(10, i >> 16, i >> 8, i)
}

function firstFor(server: Answering, from: Uint8Array): string {
  server.client = from
  return answers(server)[0]!
}

describe('an answer of several addresses', () => {
  it('is shuffled evenly to ±2 % where nothing is said', () => {
    const server = new Answering({ randomSeed: 7 }).put(a(FOUR))
    const shares = sharesOfFirst(server, 40_000)
    expect(Object.keys(shares).sort()).toEqual(FOUR)
    for (const share of Object.values(shares)) expect(Math.abs(4 * share - 1)).toBeLessThan(0.02)
  })

  it('follows the weights to ±2 %, and each policy as the RRset says, else its zone', () => {
    const data = [1, 2, 3, 4].map((weight, i) => ({ address: FOUR[i]!, weight }))
    const server = new Answering({ randomSeed: 3, selection: { maxAnswers: 1 } })
    server.put(a(data, { selection: { policy: 'weighted' } }))
    const shares = sharesOfFirst(server, 60_000)
    for (const { address, weight } of data) expect(Math.abs((10 * shares[address]!) / weight - 1)).toBeLessThan(0.02)
    server.put(a(data, { selection: { policy: 'ordered', maxAnswers: 2 } }))
    expect(answers(server)).toEqual(FOUR.slice(0, 2))
    server.put(a(FOUR))
    expect(answers(server)).toHaveLength(1)
  })

  it('takes turns under rotate, for each name and type', () => {
    const server = new Answering({ selection: { policy: 'rotate' } }).put(a(FOUR), {
      name: 'other.example',
      type: 'A',
      data: ['192.0.2.9', '192.0.2.10'],
    })
    const seen = Array.from({ length: 8 }, () => {
      answers(server, buildQuery('other.example'))
      return answers(server)
    })
    const start = FOUR.indexOf(seen[0]![0]!)
    seen.forEach((order, turn) => {
      expect(order).toEqual(FOUR.map((_, i) => FOUR[(start + turn + i) % 4]))
    })
  })

  it('leaves MX, TXT and NS whole, whatever the zone says', () => {
    const server = new Answering({ selection: { policy: 'ordered', maxAnswers: 1 } }).put(
      { name: 'www.example', type: 'TXT', data: ['a', 'b', 'c'] },
      { name: 'www.example', type: 'MX', data: FOUR.map((_, preference) => ({ preference, exchange: 'm.test' })) },
    )
    expect(answers(server, buildQuery('www.example', 'TXT'))).toHaveLength(3)
    expect(answers(server, buildQuery('www.example', 'MX'))).toHaveLength(4)
  })

  it('finds room for a few of very many, and is truncated where all are wanted', () => {
    const many = Array.from({ length: 4000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`)
    const server = new Answering().put(a(many, { selection: { policy: 'shuffle', maxAnswers: 5 } }))
    expect(new Set(answers(server)).size).toBe(5)
    server.setHealth('unhealthy', ...many.slice(0, 3990))
    expect(answers(server).every((address) => many.indexOf(address) >= 3990)).toBe(true)
    server.put(a(many))
    expect(describeResponse(server.ask(buildQuery('www.example'))).answer).toHaveLength(10)
    server.setHealth('unknown', ...many.slice(5, 3990))
    expect(describeResponse(server.ask(buildQuery('www.example')))).toMatchObject({ answer: [], flags: 'QR AA TC RD' })
  })
})

describe('clientHash', () => {
  const options: AnsweringOptions = { selection: { policy: 'clientHash', maxAnswers: 1 } }
  const backends = Array.from({ length: 10 }, (_, i) => `192.0.2.${i + 1}`)

  it('gives a client the same backend each time, and all backends as many clients', () => {
    const server = new Answering(options).put(a(backends))
    const counts: Record<string, number> = {}
    for (let i = 0; i < 10_000; i++) {
      const backend = firstFor(server, client(i))
      counts[backend] = (counts[backend] ?? 0) + 1
      if (i < 100) expect(firstFor(server, client(i))).toBe(backend)
    }
    for (const backend of backends) expect(Math.abs(counts[backend]! / 1000 - 1)).toBeLessThan(0.1)
  })

  it('moves no client but those of a backend that leaves, by records or by health: at most 1/n and 1 %', () => {
    const server = new Answering(options).put(a(backends))
    const before = Array.from({ length: 5000 }, (_, i) => firstFor(server, client(i)))
    const moved = () => before.filter((backend, i) => firstFor(server, client(i)) !== backend)
    server.setHealth('unhealthy', '192.0.2.4')
    const whileDown = moved()
    expect(whileDown.length / 5000).toBeLessThan(1 / 10 + 0.01)
    expect(new Set(whileDown)).toEqual(new Set(['192.0.2.4']))
    server.setHealth('healthy', '192.0.2.4')
    expect(moved()).toEqual([])
    server.put(a(backends.filter((backend) => backend !== '192.0.2.4')))
    expect(moved()).toEqual(whileDown)
  })

  it('knows a client by its address, or by the network it is in', () => {
    const server = new Answering(options).put(a(backends, { selection: { affinity: 'subnet' } }))
    const inOneNetwork = Array.from({ length: 200 }, (_, i) => firstFor(server, Uint8Array.of(10, 0, 0, i)))
    expect(new Set(inOneNetwork).size).toBe(1)
    const ipv6 = (network: number, host: number) =>
      Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, network, ...new Array(7).fill(host), 1)
    const alsoInOne = Array.from({ length: 200 }, (_, i) => firstFor(server, ipv6(i, i)))
    expect(new Set(alsoInOne).size).toBe(1)
    server.put(a(backends))
    expect(new Set(Array.from({ length: 200 }, (_, i) => firstFor(server, Uint8Array.of(10, 0, 0, i)))).size).toBe(10)
  })

  it('knows a client by what a trusted source says of it, and believes nobody else', () => {
    const server = new Answering({ ...options, policy: { subnetSources: TRUSTED } })
    server.put(a(backends, { selection: { affinity: 'ecs' } }))
    const ask = (i: number) =>
      answers(
        server,
        buildQuery('www.example', 'A', { edns: { options: [[8, Uint8Array.of(0, 1, 24, 0, 10, i >> 8, i)]] } }),
      )[0]!
    const before = Array.from({ length: 5000 }, (_, i) => ask(i))
    expect(new Set(before).size).toBe(10)
    server.client = Uint8Array.of(192, 0, 2, 77)
    expect(before.every((backend, i) => ask(i) === backend)).toBe(true)
    server.setHealth('unhealthy', '192.0.2.9')
    const moved = before.filter((backend, i) => ask(i) !== backend)
    expect(moved.length / 5000).toBeLessThan(1 / 10 + 0.01)
    expect(new Set(moved)).toEqual(new Set(['192.0.2.9']))
    server.client = Uint8Array.of(198, 51, 100, 1)
    expect(new Set(before.map((_, i) => ask(i))).size).toBe(1)
  })

  it('picks services by what they are, within their priority', () => {
    const data = Array.from({ length: 6 }, (_, i) => ({
      ...{ priority: i < 3 ? 10 : 5, weight: i, port: 80, target: `h${i}.example` },
    }))
    const server = new Answering(options).put({ name: 'www.example', type: 'SRV', data })
    const picked = new Set<string>()
    for (let i = 0; i < 100; i++) {
      server.client = client(i)
      for (const service of answers(server, buildQuery('www.example', 'SRV'))) picked.add(service)
    }
    expect([...picked].sort()).toEqual(['h3.example', 'h4.example', 'h5.example'])
  })
})

describe('an unhealthy address', () => {
  it('leaves the answers of A and AAAA, and comes back', () => {
    const server = new Answering().put(a(FOUR), {
      name: 'www.example',
      type: 'AAAA',
      data: ['2001:db8::1', '2001:db8::2'],
    })
    server.setHealth('unhealthy', '192.0.2.1', '192.0.2.3', '2001:db8::2')
    server.setHealth('healthy', '192.0.2.2')
    expect(answers(server).sort()).toEqual(['192.0.2.2', '192.0.2.4'])
    expect(answers(server, buildQuery('www.example', 'AAAA'))).toEqual(['2001:db8::1'])
    server.setHealth('unknown', '192.0.2.1')
    expect(answers(server).sort()).toEqual(['192.0.2.1', '192.0.2.2', '192.0.2.4'])
  })

  it.each([
    ['all', FOUR.slice(0, 2), []],
    ['none', [], [SOA]],
    ['fallback', ['198.51.100.1', '198.51.100.2'], []],
  ] as const)('with no other left is answered by the mode %s', (allUnhealthy, expected, authority) => {
    const server = new Answering({ policy: { allUnhealthy } })
    server.put(a(FOUR.slice(0, 2), { fallback: ['198.51.100.1', '198.51.100.2'] }))
    server.put({ name: 'one.example', type: 'A', data: ['192.0.2.1'] })
    server.put({ name: 'alias.example', type: 'CNAME', data: ['one.example'] })
    server.setHealth('unhealthy', ...FOUR)
    const { answer, ...rest } = describeResponse(server.ask(buildQuery('www.example')))
    expect(rest).toMatchObject({ rcode: 'NOERROR', flags: 'QR AA RD', authority })
    expect(answer.map((record) => record.split(' ')[3]).sort()).toEqual(expected)
    // Without a fallback of its own, an RRset is answered as if nothing were known.
    const alias = describeResponse(server.ask(buildQuery('alias.example')))
    expect(alias.answer).toHaveLength(allUnhealthy === 'none' ? 1 : 2)
    expect(alias.authority).toEqual(allUnhealthy === 'none' ? [SOA] : [])
    server.setHealth('healthy', '192.0.2.2')
    expect(answers(server)).toEqual(['192.0.2.2'])
  })

  it('takes the services with it that lead nowhere else, and leaves what comes along', () => {
    const srv = (target: string, port: number) => ({ priority: 1, weight: 1, port, target })
    const server = new Answering().put(
      { name: 'www.example', type: 'SRV', data: [srv('a.example', 1), srv('b.example', 2), srv('c.test', 3)] },
      { name: 'a.example', type: 'A', data: ['192.0.2.1', '192.0.2.2'] },
      { name: 'b.example', type: 'A', data: ['192.0.2.3'] },
      { name: 'b.example', type: 'AAAA', data: ['2001:db8::3'] },
    )
    const seen = () => {
      const { answer, additional } = describeResponse(server.ask(buildQuery('www.example', 'SRV')))
      const data = (records: readonly string[]) => records.map((record) => record.split(' ').at(-1)!).sort()
      return [data(answer), data(additional)]
    }
    server.setHealth('unhealthy', '192.0.2.1', '192.0.2.3')
    expect(seen()).toEqual([['a.example.', 'b.example.', 'c.test.'], ['192.0.2.2', '2001:db8::3'].sort()])
    server.setHealth('unhealthy', '192.0.2.2')
    expect(seen()).toEqual([['b.example.', 'c.test.'], ['2001:db8::3']])
    server.setHealth('unhealthy', '2001:db8::3')
    expect(seen()).toEqual([['c.test.'], []])
    server.put({ name: 'www.example', type: 'SRV', data: [srv('a.example', 1)] })
    // All of them are answered then; addresses that do not work help nobody.
    expect(seen()).toEqual([['a.example.'], []])
  })

  it('takes the services with it whose targets are spoken for by a wildcard', () => {
    const srv = (target: string, port: number) => ({ priority: 1, weight: 1, port, target })
    const server = new Answering().put(
      { name: 'www.example', type: 'SRV', data: [srv('a.w.example', 1), srv('b.example', 2), srv('alias.example', 3)] },
      { name: '*.w.example', type: 'A', data: ['192.0.2.1'] },
      { name: 'b.example', type: 'A', data: ['192.0.2.2'] },
      { name: 'alias.example', type: 'CNAME', data: ['else.example'] },
    )
    const targets = () => answers(server, buildQuery('www.example', 'SRV')).sort()
    expect(targets()).toEqual(['a.w.example', 'alias.example', 'b.example'])
    server.setHealth('unhealthy', '192.0.2.1')
    expect(targets()).toEqual(['alias.example', 'b.example'])
  })

  it('takes the services with it whose targets are aliases of its name, wherever they lead through our zones', () => {
    const srv = (target: string, port: number) => ({ priority: 1, weight: 1, port, target })
    const cname = (name: string, target: string): RRset => ({ name, type: 'CNAME', data: [target] })
    const server = new Answering({ zones: ['example.', 'org.'] }).put(
      {
        ...{ name: 'www.example', type: 'SRV' },
        data: ['one', 'far.org', 'x.w', 'loop', 'out', 'absent', 'up'].map((target, port) =>
          srv(target.includes('.org') ? target : `${target}.example`, port),
        ),
      },
      cname('one.example', 'down.example'),
      cname('far.org', 'two.org'),
      cname('two.org', 'one.example'),
      cname('*.w.example', 'down.example'),
      cname('loop.example', 'loop2.example'),
      cname('loop2.example', 'loop.example'),
      cname('out.example', 'www.elsewhere'),
      cname('absent.example', 'nobody.example'),
      cname('up.example', 'well.example'),
      { name: 'down.example', type: 'A', data: ['192.0.2.1'] },
      { name: 'well.example', type: 'A', data: ['192.0.2.2', '192.0.2.1'] },
    )
    const targets = () => answers(server, buildQuery('www.example', 'SRV')).sort()
    expect(targets()).toHaveLength(7)
    server.setHealth('unhealthy', '192.0.2.1')
    expect(targets()).toEqual(['absent.example', 'loop.example', 'out.example', 'up.example'])
    // RFC 2782: a target must not be an alias, so that nothing of it comes along.
    expect(describeResponse(server.ask(buildQuery('www.example', 'SRV'))).additional).toEqual([])
    server.setHealth('healthy', '192.0.2.1')
    expect(targets()).toHaveLength(7)
  })

  it.each([
    [16, 'down.example'],
    // Each is read to its end while any of 160 labels are left.
    [3, `${'x.'.repeat(70)}example`],
  ])('leaves services whose targets are aliases once %i have been followed to %s', (count, down) => {
    const data = Array.from({ length: 30 }, (_, port) => ({ priority: 1, weight: 1, port, target: `a${port}.example` }))
    const server = new Answering({ selection: { policy: 'ordered' } }).put(
      { name: 'www.example', type: 'SRV', data },
      { name: down, type: 'A', data: ['192.0.2.1'] },
      ...data.map(({ target }): RRset => ({ name: target, type: 'CNAME', data: [down] })),
    )
    server.setHealth('unhealthy', '192.0.2.1')
    const left = data.slice(count).map(({ target }) => target)
    expect(answers(server, buildQuery('www.example', 'SRV', { edns: { size: 4096 } }))).toEqual(left)
  })

  it('stays where it is glue', () => {
    const server = new Answering({ selection: { maxAnswers: 1 }, policy: { allUnhealthy: 'none' } }).put(
      { name: 'sub.example', type: 'NS', data: ['ns.sub.example'] },
      { name: 'ns.sub.example', type: 'A', data: FOUR },
    )
    server.setHealth('unhealthy', ...FOUR)
    const { additional, flags } = describeResponse(server.ask(buildQuery('www.sub.example')))
    expect([additional.length, flags]).toEqual([4, 'QR RD'])
  })
})
