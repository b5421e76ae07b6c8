import { describe, expect, it } from 'vitest'
import { questionToTry } from '../../lib/cli/question-to-try.js'
import type { RRset } from '../../lib/records/rrset.js'

async function* listed(...rrsets: Partial<RRset>[]): AsyncGenerator<RRset> {
  for (const rrset of rrsets) yield { type: 'A', data: ['192.0.2.1'], ...rrset } as RRset
}

describe('what a server that begins says to ask it', () => {
  it('is an address that lies in a zone', async () => {
    const rrsets = listed(
      { name: 'www.other.example' },
      { name: 't.b.example', type: 'TXT' },
      { name: 'www.B.example' },
    )
    expect(await questionToTry(['a.example', 'b.example.'], rrsets)).toEqual({
      question: 'www.B.example A',
      outside: undefined,
    })
  })

  it('is any record where there is no address, and the SOA where clients of one network alone have one', async () => {
    const text = { name: 't.a.example', type: 'TXT' } as const
    expect(await questionToTry(['a.example'], listed(text))).toMatchObject({ question: 't.a.example TXT' })
    const inside = { name: 'www.a.example', view: 'office' }
    expect(await questionToTry(['a.example'], listed(inside))).toEqual({
      question: 'a.example SOA',
      outside: undefined,
    })
  })

  it('is the SOA where no name lies in a zone, and tells how many do not', async () => {
    const names = ['www.b.example', 'xa.example', 'www.b.example', String.raw`x\.a.example.org`]
    expect(await questionToTry(['a.example'], listed(...names.map((name) => ({ name }))))).toEqual({
      question: 'a.example SOA',
      outside: { names: 3, example: 'www.b.example' },
    })
    expect(await questionToTry(['a.example'], listed())).toEqual({ question: 'a.example SOA', outside: undefined })
    expect(await questionToTry(['.'], listed({ name: 'x.example' }))).toMatchObject({ question: 'x.example A' })
  })
})
