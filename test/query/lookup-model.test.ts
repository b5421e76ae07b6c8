import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RRset } from '../../lib/records/rrset.js'
import { nameFromText } from '../../lib/wire/name.js'
import { Answering } from '../support/answering.js'
import { buildQuery } from '../support/build-query.js'
import { describeResponse } from '../support/expect-response.js'

// The algorithm of RFC 1034 §4.3.2 and RFC 4592 on maps of text, slow and plain, against the one that answers. Rules at wildcards are in it, too.

type Zone = Map<string, Map<string, string>>

const APEX = 'e'
/** What stands in a label for the address of the client, and of all A records. */
const ADDRESS = '192-0-2-1'
const ADDRESS_LABELS = 'TYPE65401'
const SEARCH_LIST = 'TYPE65402'

/** `a.b.e`, from labels that make names meet often. */
const name = fc.array(fc.constantFrom('a', 'b', '*'), { maxLength: 4 }).map((labels) => [...labels, APEX].join('.'))
/** The same where clients of a cluster look for each other. */
const clusterName = fc
  .tuple(fc.constantFrom('', 'a.', 'b.', 'a.b.', `${ADDRESS}.`, '*.'), fc.constantFrom('a.svc.e', 'b.svc.e', 'a.pod.e'))
  .map((parts) => parts.join(''))
const anyName = fc.oneof(name, clusterName)

const data = fc.record({
  name: anyName.filter((text) => text !== APEX),
  type: fc.constantFrom('A', 'A', 'TXT', 'NS', 'CNAME', ADDRESS_LABELS),
  target: anyName,
})
const list = fc.record({
  name: fc.constantFrom('*.a.svc.e', '*.a.svc.e', '*.b.svc.e', '*.a.e', 'a.e'),
  type: fc.constant(SEARCH_LIST),
  target: fc
    .array(fc.oneof(anyName, fc.constantFrom('svc.e', 'pod.e', '.')), { maxLength: 4 })
    .map((all) => all.join(' ')),
})
const owner = fc.oneof({ arbitrary: data, weight: 4 }, list)

function zoneOf(owners: readonly { name: string; type: string; target: string }[]): Zone {
  // The server makes these up.
  const zone: Zone = new Map([[APEX, new Map([['NS', '']])]])
  for (const { name, type, target } of owners) {
    const types = zone.get(name) ?? new Map<string, string>()
    // A CNAME stands alone.
    if (types.size > 0 && (type === 'CNAME' || types.has('CNAME'))) continue
    types.set(type, target)
    zone.set(name, types)
  }
  return zone
}

function ancestors(name: string): string[] {
  const labels = name.split('.')
  return labels.map((_, i) => labels.slice(i).join('.'))
}

interface Outcome {
  readonly rcode: string
  readonly isAuthoritative: boolean
  /** `owner type` of each step. */
  readonly answer: string[]
  /** The cut that is referred to, or the apex where its SOA is told. */
  readonly authority: string | null
}

function expected(zone: Zone, qname: string, qtype: string): Outcome {
  const exists = (name: string) =>
    name === APEX || [...zone.keys()].some((owner) => owner === name || owner.endsWith(`.${name}`))
  const answer: string[] = []
  const seen = new Set<string>()
  let name = qname
  /** Where the rule of a wildcard leads on. */
  const searched = (encloser: string): string | undefined => {
    const [namespace, service, ...rest] = encloser.split('.')
    if (service !== 'svc' || !exists([ADDRESS, namespace, 'pod', ...rest].join('.'))) return undefined
    const prefix = qname.slice(0, -encloser.length)
    const domains = zone.get(`*.${encloser}`)!.get(SEARCH_LIST)!.split(' ').filter(Boolean)
    return domains.map((domain) => (domain === '.' ? prefix.slice(0, -1) : prefix + domain)).find(isThere)
  }
  const isThere = (name: string): boolean => {
    if (name !== APEX && !name.endsWith(`.${APEX}`)) return false
    if (exists(name) || ancestors(name).some((each) => each !== APEX && zone.get(each)?.has('NS'))) return true
    const wildcard = `*.${ancestors(name).find(exists)}`
    return exists(wildcard) && ruleOf(zone.get(wildcard)) === undefined
  }
  for (let links = 0; ; links++) {
    const above = ancestors(name).reverse().slice(1)
    const cut = above.find((each) => zone.get(each)?.has('NS'))
    if (cut !== undefined) return { rcode: 'NOERROR', isAuthoritative: answer.length > 0, answer, authority: cut }
    let types = zone.get(name)
    if (!exists(name)) {
      const encloser = ancestors(name).find(exists)!
      if (!exists(`*.${encloser}`)) return { rcode: 'NXDOMAIN', isAuthoritative: true, answer, authority: APEX }
      types = zone.get(`*.${encloser}`)
      const rule = ruleOf(types)
      const isAddress = name === `${ADDRESS}.${encloser}`
      if (rule === ADDRESS_LABELS && !(isAddress && qtype === 'A')) {
        return { rcode: isAddress ? 'NOERROR' : 'NXDOMAIN', isAuthoritative: true, answer, authority: APEX }
      }
      if (rule === ADDRESS_LABELS) types = new Map([['A', '']])
      if (rule === SEARCH_LIST) {
        const found = links === 0 ? searched(encloser) : undefined
        if (found === undefined) return { rcode: 'NXDOMAIN', isAuthoritative: true, answer, authority: APEX }
        types = new Map([['CNAME', found]])
      }
    }
    if (types?.has(qtype) && !isRule(qtype)) {
      answer.push(`${name} ${qtype}`)
      return { rcode: 'NOERROR', isAuthoritative: true, answer, authority: null }
    }
    if (!types?.has('CNAME')) return { rcode: 'NOERROR', isAuthoritative: true, answer, authority: APEX }
    // Eight links are followed; what the ninth would be is not told.
    if (links === 8) return { rcode: 'NOERROR', isAuthoritative: true, answer, authority: null }
    answer.push(`${name} CNAME`)
    seen.add(name)
    name = types.get('CNAME')!
    if (seen.has(name)) return { rcode: 'NOERROR', isAuthoritative: true, answer, authority: null }
  }
}

function isRule(type: string): boolean {
  return type === ADDRESS_LABELS || type === SEARCH_LIST
}

/** What a wildcard says of names, if that is all it says. */
function ruleOf(types: Map<string, string> | undefined): string | undefined {
  const [type] = types?.size === 1 ? types.keys() : []
  return type !== undefined && isRule(type) ? type : undefined
}

function rrsetsOf(zone: Zone): RRset[] {
  return [...zone]
    .filter(([name]) => name !== APEX)
    .flatMap(([name, types]) =>
      [...types].map(([type, target]): RRset => {
        if (type === 'A') return { name, type, data: ['192.0.2.1'] }
        if (type === ADDRESS_LABELS) return { name, type, data: ['\\# 0'] }
        if (type === SEARCH_LIST) {
          const domains = target.split(' ').filter(Boolean)
          return { name, type, data: [Buffer.concat(domains.map((domain) => nameFromText(domain)))] }
        }
        if (type === 'TXT') return { name, type, data: ['text'] }
        return { name, type: type as 'NS' | 'CNAME', data: [type === 'NS' ? 'ns.org' : target] }
      }),
    )
}

function numberOf(type: string): string | number {
  return isRule(type) ? Number(type.slice('TYPE'.length)) : type
}

function told(server: Answering, qname: string, qtype: string): Outcome {
  const { rcode, flags, answer, authority } = describeResponse(
    server.askStream(buildQuery(qname, numberOf(qtype), { flags: 0 })),
  )
  const fields = (record: string) => record.replace('. ', ' ').split(' ')
  return {
    rcode,
    isAuthoritative: flags.includes('AA'),
    answer: answer.map((record) => `${fields(record)[0]} ${fields(record)[2]}`),
    authority: authority.length === 0 ? null : fields(authority[0]!)[0]!,
  }
}

describe('the look-up', () => {
  it('agrees with a plain one, in any zone, for any name, while records come and go', () => {
    const property = fc.property(
      fc.array(owner, { maxLength: 10 }),
      fc.array(owner, { maxLength: 4 }),
      fc.array(fc.tuple(anyName, fc.constantFrom('A', 'TXT', 'MX', 'NS', 'CNAME', ADDRESS_LABELS, SEARCH_LIST)), {
        minLength: 1,
        maxLength: 30,
      }),
      (first, second, queries) => {
        const server = new Answering({ zones: [APEX] })
        for (const owners of [first, second]) {
          const zone = zoneOf(owners)
          server.replaceAll(rrsetsOf(zone))
          for (const [qname, qtype] of queries) {
            expect([qname, qtype, told(server, qname, qtype)]).toEqual([qname, qtype, expected(zone, qname, qtype)])
          }
        }
      },
    )
    fc.assert(property, { numRuns: 400 })
  })
})
