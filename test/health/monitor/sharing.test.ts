import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  assignmentText,
  isSameAssignment,
  MAX_AGENTS,
  NO_ASSIGNMENT,
  parseAssignment,
} from '../../../lib/health/monitor/assignment.js'
import { MonitorKeys } from '../../../lib/health/monitor/monitor-keys.js'
import { parseScannerOptions, parseSchedulerOptions, type ScannerOptions } from '../../../lib/health/monitor/options.js'
import { isOwner, ownersOf } from '../../../lib/health/monitor/rendezvous.js'
import { parseStatus, portsOfStatus, withStatus } from '../../../lib/health/monitor/status-value.js'
import { Verdicts } from '../../../lib/health/monitor/verdicts.js'
import { errorCode } from '../../support/error-code.js'

const ADDRESSES = Array.from({ length: 5_000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`)

const ownerOf = (address: string, agents: readonly string[]) => ownersOf(address, agents)[0]

describe('ownersOf', () => {
  it('moves the addresses of a scanner that goes, and no others, to all the rest', () => {
    const agents = ['a', 'b', 'c', 'd', 'e']
    const left = agents.filter((agent) => agent !== 'c')
    const moved = ADDRESSES.filter((address) => ownerOf(address, agents) !== ownerOf(address, left))
    expect(moved.every((address) => ownerOf(address, agents) === 'c')).toBe(true)
    expect(moved.length).toBeGreaterThan(ADDRESSES.length / 5 - 150)
    expect(moved.length).toBeLessThan(ADDRESSES.length / 5 + 150)
    for (const agent of left) {
      expect(moved.filter((address) => ownerOf(address, left) === agent).length).toBeGreaterThan(moved.length / 8)
    }
  })

  it('does not depend on the order of the scanners', () => {
    const agents = fc.uniqueArray(fc.string(), { maxLength: 6 })
    fc.assert(
      fc.property(agents, fc.string(), fc.nat(4), (given, address, count) => {
        expect(ownersOf(address, given, count)).toEqual(ownersOf(address, [...given].reverse(), count))
      }),
    )
  })

  it('gives the places of a scanner that goes to others, and leaves all other places as they are', () => {
    const agents = fc.uniqueArray(fc.string(), { minLength: 1, maxLength: 7 })
    fc.assert(
      fc.property(agents, fc.string(), fc.integer({ min: 1, max: 5 }), fc.nat(), (given, address, count, which) => {
        const gone = given[which % given.length]!
        const left = given.filter((agent) => agent !== gone)
        const before = ownersOf(address, given, count)
        const after = ownersOf(address, left, count)
        expect(before).toHaveLength(Math.min(count, given.length))
        expect(after.slice(0, before.length)).toEqual(expect.arrayContaining(before.filter((agent) => agent !== gone)))
        if (!before.includes(gone)) expect(after).toEqual(before)
      }),
    )
  })

  it('is what an agent finds that asks for itself alone', () => {
    const agents = fc.uniqueArray(fc.string(), { maxLength: 6 })
    fc.assert(
      fc.property(agents, fc.string(), fc.string(), fc.integer({ min: 1, max: 4 }), (given, other, address, count) => {
        const owners = ownersOf(address, given, count)
        for (const name of [...given, other]) {
          expect(isOwner(name, address, given, count), name).toBe(owners.includes(name))
        }
      }),
    )
  })

  it('shares evenly among agents whose names differ by a digit', () => {
    const agents = Array.from({ length: 20 }, (_, i) => `scanner-${i}`)
    const counts = new Map(agents.map((agent) => [agent, 0]))
    for (const address of ADDRESSES)
      for (const agent of ownersOf(address, agents, 2)) counts.set(agent, counts.get(agent)! + 1)
    const each = (2 * ADDRESSES.length) / agents.length
    for (const [agent, count] of counts) expect(Math.abs(count - each), agent).toBeLessThan(each / 4)
  })

  it('moves 1/n of the places of many addresses that several scanners probe', () => {
    const agents = ['a', 'b', 'c', 'd', 'e', 'f']
    const left = agents.filter((agent) => agent !== 'd')
    const taken = ADDRESSES.flatMap((address) => {
      const before = ownersOf(address, agents, 3)
      return ownersOf(address, left, 3).filter((agent) => !before.includes(agent))
    })
    expect(taken.length).toBeGreaterThan((3 * ADDRESSES.length) / 6 - 300)
    expect(taken.length).toBeLessThan((3 * ADDRESSES.length) / 6 + 300)
  })
})

describe('Verdicts', () => {
  const said = fc.array(fc.constantFrom('UP', 'DOWN', undefined), { minLength: 1, maxLength: 7 })

  it('call an address down when as many owners as it takes say so, and up when the silent could not', () => {
    fc.assert(
      fc.property(said, fc.integer({ min: 1, max: 7 }), (statuses, given) => {
        const down = Math.min(given, statuses.length)
        const owners = statuses.map((_, i) => `agent${i}`)
        const verdicts = new Verdicts()
        // Those of others do not count.
        for (const other of ['x', 'y', 'z']) verdicts.saw('192.0.2.1', other, Buffer.from('{"status":"DOWN"}'), 1)
        statuses.forEach((status, i) => {
          const value = status && Buffer.from(JSON.stringify({ status }))
          verdicts.saw('192.0.2.1', owners[i]!, value, 10 + i)
        })
        const downs = statuses.filter((status) => status === 'DOWN').length
        const silent = statuses.filter((status) => status === undefined).length
        const decision = verdicts.decide('192.0.2.1', owners, down)
        if (downs >= down) expect(decision?.status).toBe('DOWN')
        else if (downs + silent < down) expect(decision?.status).toBe('UP')
        else expect(decision).toBeUndefined()
        for (const { agent, revision } of decision?.voices ?? []) {
          expect(statuses[owners.indexOf(agent)]).toBe(decision!.status)
          expect(revision).toBe(10 + owners.indexOf(agent))
        }
      }),
    )
  })

  it('never call an address up on silence alone, nor down where there are too few to say so', () => {
    const verdicts = new Verdicts()
    expect(verdicts.decide('192.0.2.1', [], 1)).toBeUndefined()
    expect(verdicts.decide('192.0.2.1', ['a'], 3)).toBeUndefined()
    verdicts.saw('192.0.2.1', 'a', Buffer.from('{"status":"DOWN"}'), 1)
    expect(verdicts.decide('192.0.2.1', ['a'], 3)).toBeUndefined()
    verdicts.saw('192.0.2.1', 'a', Buffer.from('{"status":"UP"}'), 1)
    expect(verdicts.decide('192.0.2.1', ['a'], 3)?.status).toBe('UP')
  })

  it('pass over what makes no sense, and forget what is taken back', () => {
    const verdicts = new Verdicts()
    for (const value of ['', '[]', '{"status":"MAYBE"}', 'DOWN']) {
      verdicts.saw('192.0.2.1', 'a', Buffer.from(value), 1)
      expect(verdicts.decide('192.0.2.1', ['a'], 1)).toBeUndefined()
    }
    verdicts.saw('192.0.2.1', 'a', Buffer.from('{"status":"DOWN"}'), 1)
    verdicts.saw('192.0.2.1', 'a', undefined, 2)
    expect(verdicts.decide('192.0.2.1', ['a'], 1)).toBeUndefined()
  })
})

const agentNames = fc.stringMatching(/^[\w.-]{1,20}$/)

describe('parseAssignment', () => {
  it('reads what a scheduler has written', () => {
    const quorums = fc.integer({ min: 1, max: 16 }).chain((agents) =>
      fc.record({
        agents: fc.constant(agents),
        down: agents === 1 ? fc.constant(1) : fc.integer({ min: 1, max: agents }),
      }),
    )
    fc.assert(
      fc.property(fc.uniqueArray(agentNames), quorums, (agents, quorum) => {
        const read = parseAssignment(Buffer.from(assignmentText(agents, quorum, 5)), 7)
        expect(read).toEqual({ agents, quorum, term: 5, revision: 7 })
        expect(isSameAssignment(read, agents, quorum)).toBe(true)
        expect(isSameAssignment(read, [...agents, 'one more'], quorum)).toBe(false)
        expect(isSameAssignment(NO_ASSIGNMENT, agents, quorum)).toBe(false)
      }),
    )
  })

  it('reads nonsense as nothing', () => {
    expect(parseAssignment(undefined, 7)).toEqual(NO_ASSIGNMENT)
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (agents, quorum) => {
        const read = parseAssignment(Buffer.from(JSON.stringify({ agents, quorum, term: agents })), 7)
        expect(read.agents.every((agent) => typeof agent === 'string')).toBe(true)
        expect(read.quorum.down).toBeLessThanOrEqual(read.quorum.agents)
      }),
    )
  })
})

describe('what comes from etcd, where anybody may write', () => {
  it('is not read when it is too large, has too many agents, or names that no agent can have', () => {
    expect(parseStatus(Buffer.from(JSON.stringify({ status: 'UP', domains: ['x'.repeat(300_000)] })))).toBeUndefined()
    const agents = Array.from({ length: 10_000 }, (_, i) => `a${i}`)
    expect(parseAssignment(Buffer.from(JSON.stringify({ agents })), 7).agents).toHaveLength(MAX_AGENTS)
    const odd = ['a', 'a', 'b/c', '', 'x'.repeat(300), 'd e', '\n']
    expect(parseAssignment(Buffer.from(JSON.stringify({ agents: odd })), 7).agents).toEqual(['a'])
    expect(portsOfStatus({ ports: Array.from({ length: 100_000 }, (_, i) => i) })).toHaveLength(16)
  })

  it('names an address, an agent or neither by its key', () => {
    const keys = new MonitorKeys('/m/')
    expect(keys.addressOf('/m/status/192.0.2.1')).toBe('192.0.2.1')
    expect(keys.addressOf('/m/status/2001:db8::1')).toBe('2001:db8::1')
    for (const odd of ['', '192.0.2.1/', '192.0.2.256', '2001:DB8::1', '2001:db8:0::1', 'web', '1'.repeat(1e6)]) {
      expect(keys.addressOf(`/m/status/${odd}`), odd.slice(0, 50)).toBeUndefined()
      expect(keys.verdictOf(`/m/verdicts/${odd}/a`), odd.slice(0, 50)).toBeUndefined()
    }
    expect(keys.verdictOf('/m/verdicts/192.0.2.1/a b')).toBeUndefined()
    expect([keys.agentOf('/m/agents/a'), keys.agentOf('/m/agents/a/b'), keys.agentOf('/m/agents/')]).toEqual([
      'a',
      undefined,
      undefined,
    ])
  })
})

describe('the value of a status', () => {
  it('keeps everything but the status, whatever there is', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (fields) => {
        const value = parseStatus(Buffer.from(JSON.stringify({ ...fields, status: 'UP' })))!
        expect(withStatus(value, 'UP')).toBeUndefined()
        expect(JSON.parse(withStatus(value, 'DOWN')!)).toEqual(JSON.parse(JSON.stringify({ ...value, status: 'DOWN' })))
      }),
    )
  })

  it('is not touched when it is no JSON object, and ports that are none are passed over', () => {
    for (const text of ['', 'UP', '[]', '"UP"', 'null', '7'])
      expect(parseStatus(Buffer.from(text)), text).toBeUndefined()
    expect(portsOfStatus({ ports: ['80', 22, 0, 'x', 70_000, null, 80] })).toEqual([22, 80])
    expect(portsOfStatus({ ports: '80' })).toEqual([])
  })
})

describe('the options of a scanner and a scheduler', () => {
  it('are refused when they are wrong, with a code', () => {
    const etcd = { hosts: 'http://127.0.0.1:2379' }
    for (const [given, code] of [
      [{}, 'CDNS_OPTION_INVALID'],
      [{ etcd, name: 'a/b' }, 'CDNS_OPTION_INVALID'],
      [{ etcd, prefix: 'monitor' }, 'CDNS_OPTION_INVALID'],
      [{ etcd, leaseSeconds: 1 }, 'CDNS_OPTION_INVALID'],
      [{ etcd, nmae: 'a' }, 'CDNS_OPTION_UNKNOWN'],
      [{ etcd: { ...etcd, layout: 'skydns' } }, 'CDNS_OPTION_UNKNOWN'],
    ] as const) {
      expect(
        errorCode(() => parseSchedulerOptions(given as never)),
        JSON.stringify(given),
      ).toBe(code)
      expect(
        errorCode(() => parseScannerOptions(given as never)),
        JSON.stringify(given),
      ).toBe(code)
    }
    for (const quorum of [{}, { agents: 3 }, { agents: 2, down: 3 }, { agents: 17, down: 2 }, { agents: 3, down: 0 }]) {
      expect(errorCode(() => parseSchedulerOptions({ etcd, quorum: quorum as never }))).toBe('CDNS_OPTION_INVALID')
    }
    expect(errorCode(() => parseScannerOptions({ etcd, quorum: { agents: 3, down: 2 } } as never))).toBe(
      'CDNS_OPTION_UNKNOWN',
    )
    for (const probes of [{ zones: ['a'] }, { check: { type: 'hook' } }] as ScannerOptions['probes'][]) {
      expect(errorCode(() => parseScannerOptions({ etcd, probes: probes! }))).toMatch(/^CDNS_OPTION_/)
    }
  })
})
