import type { MxData, RecordFilter, RecordType, RRset, RRsetOf } from 'containerdns'
import { createTestServer } from 'containerdns/testing'
import { describe, expect, expectTypeOf, it } from 'vitest'

const RRSETS: RRset[] = [
  { name: 'a.example', type: 'MX', data: [{ preference: 10, exchange: 'mx.example' }] },
  { name: 'a.example', type: 'TYPE65280', data: ['\\# 1 00'] },
  { name: 'a.example', type: 'A', data: ['192.0.2.1'], selection: { policy: 'ordered' }, fallback: ['192.0.2.2'] },
]

// Of the types, `tsc` has the last word: it reads this file.
describe('the RRsets that a program reads', () => {
  it('are of the type that it has asked for', async () => {
    await using server = await createTestServer({ rrsets: RRSETS })
    const { records } = server
    const mx = await records.get('a.example', 'MX')
    expectTypeOf(mx).toEqualTypeOf<RRsetOf<'MX', MxData>[]>()
    expect(mx[0]?.data[0]?.exchange).toBe('mx.example')
    const generic = await records.get('a.example', 'TYPE65280')
    expectTypeOf(generic[0]!.data).toEqualTypeOf<(string | Uint8Array)[]>()
    expect(generic[0]?.data).toEqual(['\\# 1 00'])
    for await (const a of records.list({ type: 'A' })) {
      expectTypeOf(a.type).toEqualTypeOf<'A'>()
      expect(a.selection?.policy).toBe('ordered')
      expect(a.fallback).toEqual(['192.0.2.2'])
    }
    for await (const either of records.list({ type: 'MX' as 'MX' | 'A', under: 'a.example' })) {
      expectTypeOf(either.type).toEqualTypeOf<'MX' | 'A'>()
      expect(either.type).toBe('MX')
      if (either.type === 'MX') expect(either.data[0]?.preference).toBe(10)
    }
  })

  it('are of any type where the program does not say which', async () => {
    await using server = await createTestServer({ rrsets: RRSETS })
    const { records } = server
    const type = 'MX' as RecordType
    const filter: RecordFilter = { type }
    const [all, none, one] = await Promise.all([
      records.get('a.example'),
      records.get('a.example', undefined, { view: 'default' }),
      records.get('a.example', type),
    ])
    expectTypeOf(all).toEqualTypeOf<RRset[]>()
    expectTypeOf(none).toEqualTypeOf<RRset[]>()
    expectTypeOf(one).toEqualTypeOf<RRset[]>()
    expect([all.length, none.length, one.length]).toEqual([3, 3, 1])
    const found: RRset[] = []
    for await (const rrset of records.list({ under: 'example' })) found.push(rrset)
    for await (const rrset of records.list(filter)) {
      expectTypeOf(rrset).toEqualTypeOf<RRset>()
      found.push(rrset)
    }
    expect(found).toHaveLength(4)
    // By a function of the program's own that has the type from its caller.
    async function first<Type extends RecordType>(name: string, wanted: Type): Promise<RRset | undefined> {
      const [rrset] = await records.get(name, wanted)
      return rrset
    }
    expect(await first('a.example', 'MX')).toEqual(one[0])
  })

  it('can be put again as they are', async () => {
    await using server = await createTestServer({ rrsets: RRSETS })
    const { records } = server
    await records.put(await records.get('a.example'))
    await records.put(await records.get('a.example', 'MX'))
    expect(await records.get('a.example')).toHaveLength(3)
  })
})
