import { Type } from '../../lib/wire/constants.js'
import { countLabels, nameFromText } from '../../lib/wire/name.js'
import { nameIn, type ReadRecord } from '../support/read-message.js'
import type { Answer, Answered } from './answered.js'
import type { Difference } from './compare.js'
import type { Question } from './questions.js'
import type { ReferenceName } from './reference-server.js'

/** One question, what was answered here and there, and whom to ask again. */
export interface Comparison {
  readonly question: Question
  readonly our: Answer
  readonly their: Answer
  readonly theirs: Answered
}

/** A difference that is right, or left to who writes a server. */
export interface Exception {
  readonly servers: readonly ReferenceName[]
  readonly reason: string
  excuses(difference: Difference, comparison: Comparison): boolean | Promise<boolean>
}

const MAX_CHAIN_LENGTH = 8
const MAX_CHAIN_LABELS = 160
const MAX_CHAIN_OCTETS = 4 * 255
/** RRSIG, NSEC, NSEC3. */
const BESIDE_CNAME: readonly number[] = [46, 47, 50]

/** All there are. A difference passes if one of these excuses it. */
export const EXCEPTIONS: readonly Exception[] = [
  {
    servers: ['NSD', 'Knot'],
    reason: 'here a chain ends after eight links, or when its names have become long; there it goes on',
    excuses: ({ side, section }, { our, their }) =>
      (side === 'theirs' || section === 'authority') &&
      our.answer.every(({ type }) => type === Type.CNAME) &&
      (our.answer.length === MAX_CHAIN_LENGTH || isLongChain(our.answer)) &&
      their.answer.length > our.answer.length,
  },
  {
    servers: ['NSD', 'Knot'],
    reason:
      'RRSIG, NSEC and NSEC3 may stand beside a CNAME in signed zones, so a question for them follows none; nothing is signed here',
    excuses: (_, { question, our }) =>
      BESIDE_CNAME.includes(question.type) && our.answer.some(({ type }) => type === Type.CNAME),
  },
  {
    servers: ['NSD', 'Knot'],
    reason:
      'more addresses come along here: NSD gives the minimum and Knot those of the same zone only. They must hold them to be true',
    excuses: ({ side, section, record }, { theirs }) =>
      side === 'ours' && section === 'additional' && isAddress(record) && knows(theirs, record),
  },
  {
    servers: ['NSD', 'Knot'],
    reason: 'addresses that are a courtesy find room there, where the same answer is a little shorter',
    excuses: ({ side, section, record }, { our }) =>
      side === 'theirs' &&
      section === 'additional' &&
      isAddress(record) &&
      !isGlue(record, our) &&
      !our.hasRoom(record),
  },
  {
    servers: ['Knot'],
    reason: 'Knot gives glue to who asks for mail exchanges or services; here it is for who needs it to go on',
    excuses: async ({ side, section, record }, { theirs, our }) =>
      side === 'theirs' &&
      section === 'additional' &&
      isAddress(record) &&
      our.aa &&
      (await isBelowCut(theirs, record)),
  },
  {
    servers: ['NSD', 'Knot'],
    reason:
      'what has an address at or below a cut of one of our zones is glue here for name servers of all of them, there of that cut',
    excuses: async ({ side, section, record }, { theirs, our }) =>
      side === 'ours' &&
      section === 'additional' &&
      isAddress(record) &&
      [...our.answer, ...our.authority].some(({ type, rdata }) => type === Type.NS && nameIn(rdata) === record.owner) &&
      (await isBelowCut(theirs, record)),
  },
  {
    servers: ['NSD', 'Knot'],
    reason:
      'they make up glue of siblings by wildcards below a cut; here that is for the servers of the zone there to say',
    excuses: async ({ side, section, record }, { theirs, our }) =>
      side === 'theirs' &&
      section === 'additional' &&
      isAddress(record) &&
      !our.aa &&
      !isGlue(record, our) &&
      !our.additional.some(({ owner }) => owner === record.owner) &&
      (await isBelowCut(theirs, record)),
  },
  {
    servers: ['NSD'],
    reason: 'NSD takes an escaped backslash that ends a label for an escaped dot',
    excuses: (_, { question }) => Buffer.from(question.name).toString('latin1').toLowerCase().includes('\x05slash'),
  },
]

function isAddress(record: ReadRecord | undefined): record is ReadRecord {
  return record?.type === Type.A || record?.type === Type.AAAA
}

/** RFC 9471: what a referral cannot do without is no courtesy. */
function isGlue({ owner }: ReadRecord, { aa, authority }: Answer): boolean {
  return (
    !aa &&
    authority.some(
      (record) => record.type === Type.NS && (owner === record.owner || owner.endsWith(`.${record.owner}`)),
    )
  )
}

/** Whether a server answers with a record when asked for it, or has it as glue. */
async function knows(server: Answered, { owner, type, ttl, rdata }: ReadRecord): Promise<boolean> {
  const { answer, additional } = await server.askWhole(plainQuestion(owner, type))
  return [...answer, ...additional].some(
    (record) => record.owner === owner && record.type === type && record.ttl === ttl && record.rdata === rdata,
  )
}

async function isBelowCut(server: Answered, { owner, type }: ReadRecord): Promise<boolean> {
  const { aa, authority } = await server.ask(plainQuestion(owner, type))
  return !aa && authority.some((record) => record.type === Type.NS)
}

/** Knot follows CNAMEs to the border of a zone, and five of them. The rest of a chain is what it says when asked for it. */
export async function wholeChain(server: Answered, question: Question): Promise<Answer> {
  let whole = await server.ask(question)
  const asked = new Set<string>()
  for (;;) {
    const target = endOfChain(question, whole.answer)
    if (target === undefined || asked.has(target)) return whole
    asked.add(target)
    const next = await server.ask({ ...plainQuestion(target, question.type) })
    if (next.rcode === REFUSED) return whole
    const { rcode, authority, additional, hasRoom } = next
    whole = { aa: whole.aa, rcode, authority, additional, hasRoom, answer: merged(whole.answer, next.answer) }
  }
}

const REFUSED = 5

/** Where the CNAMEs of an answer lead, if not in a circle. */
function endOfChain({ type }: Question, answer: readonly ReadRecord[]): string | undefined {
  if (type === Type.CNAME) return undefined
  const links = new Map(
    answer.filter((record) => record.type === Type.CNAME).map(({ owner, rdata }) => [owner, nameIn(rdata)]),
  )
  const ends = [...links.values()].filter((target) => !links.has(target))
  return ends[0]
}

function merged(some: readonly ReadRecord[], others: readonly ReadRecord[]): ReadRecord[] {
  const isNew = (record: ReadRecord) => !some.some((each) => JSON.stringify(each) === JSON.stringify(record))
  return [...some, ...others.filter(isNew)]
}

function plainQuestion(name: string, type: number): Question {
  return { name: nameFromText(name), type, edns: { size: 4096 }, flags: 0 }
}

/** Whether the names of a chain are more than one answer follows. */
function isLongChain(chain: readonly ReadRecord[]): boolean {
  const names = [...chain.slice(0, 1).map(({ owner }) => owner), ...chain.map(({ rdata }) => nameIn(rdata))].map(
    nameFromText,
  )
  const sum = (of: (name: Uint8Array) => number) => names.reduce((all, name) => all + of(name), 0)
  return sum(countLabels) > MAX_CHAIN_LABELS || sum(({ length }) => length) > MAX_CHAIN_OCTETS
}
