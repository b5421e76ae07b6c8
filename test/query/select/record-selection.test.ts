import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { clientFromText } from '../../../lib/clients/client-address.js'
import { FastRandom } from '../../../lib/fast-random.js'
import { clientKey } from '../../../lib/query/select/client-key.js'
import { RecordSelection } from '../../../lib/query/select/record-selection.js'
import { SELECTION_POLICIES, type SelectionPolicy } from '../../../lib/records/selection-options.js'

const START = 5
const ALL = 5041
const A = 1
const SRV = 33

/** A records of 10.0.x.y, as they stand in an entry; a record's number is x.y. */
function addresses(numbers: readonly number[]): Uint8Array {
  return Uint8Array.from([...new Array(START).fill(9), ...numbers.flatMap((n) => [0, 4, 10, 0, n >> 8, n & 255])])
}

interface Service {
  readonly priority: number
  readonly weight: number
}

/** SRV records whose port is their number. */
function services(all: readonly Service[]): Uint8Array {
  const records = all.flatMap(({ priority, weight }, port) => [
    ...[0, 9, priority >> 8, priority & 255, weight >> 8, weight & 255, port >> 8, port & 255, 1, 0x61, 0],
  ])
  return Uint8Array.from([...new Array(START).fill(9), ...records])
}

class Picker {
  readonly selection: RecordSelection
  readonly #bytes: Uint8Array
  readonly #count: number
  readonly #isService: boolean

  static of(numbers: readonly number[], seed = 1): Picker {
    return new Picker(addresses(numbers), numbers.length, false, seed)
  }

  static ofServices(all: readonly Service[], seed = 1): Picker {
    return new Picker(services(all), all.length, true, seed)
  }

  constructor(bytes: Uint8Array, count: number, isService: boolean, seed: number) {
    this.selection = new RecordSelection(new FastRandom(seed))
    this.#bytes = bytes
    this.#count = count
    this.#isService = isService
  }

  /** The numbers of the records that are answered, in order. `prepare` is called between collecting and selecting. */
  pick(
    policy: SelectionPolicy,
    { max = ALL, owner = 0, type = A, client = 0, prepare = (_: RecordSelection) => {} } = {},
  ) {
    const { selection } = this
    if (this.#isService) selection.collectServices(this.#bytes, START, this.#count)
    else selection.collect(this.#bytes, START, this.#count)
    prepare(selection)
    const answers = selection.select(policy, max, owner, type, client, this.#bytes)
    return Array.from(selection.positions.subarray(0, answers), (at) => {
      const number = this.#isService ? at + 6 : at + 4
      return (this.#bytes[number]! << 8) | this.#bytes[number + 1]!
    })
  }
}

const numbersTo = (count: number) => Array.from({ length: count }, (_, i) => i)
const sorted = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b)

/** How often each record came first, as a share of all rounds. */
function sharesOfFirst(count: number, rounds: number, pick: (round: number) => readonly number[]): number[] {
  const first = new Array<number>(count).fill(0)
  for (let i = 0; i < rounds; i++) first[pick(i)[0]!]!++
  return first.map((times) => times / rounds)
}

describe.each(SELECTION_POLICIES)('the policy %s', (policy) => {
  it('answers each record once, or as many different ones as may be', () => {
    fc.assert(
      fc.property(
        fc.nat(60).map((n) => n + 1),
        fc.integer({ min: 1, max: 70 }),
        fc.integer(),
        fc.boolean(),
        (count, max, client, isService) => {
          const picker = isService
            ? Picker.ofServices(numbersTo(count).map((n) => ({ priority: n % 3, weight: n % 4 })))
            : Picker.of(numbersTo(count))
          const fillWeights = (selection: RecordSelection) => {
            if (!isService) selection.weights.fill(3)
          }
          const picked = picker.pick(policy, { max, client, owner: client, prepare: fillWeights })
          expect(picked.length).toBe(Math.min(count, max))
          expect(new Set(picked).size).toBe(picked.length)
          expect(picked.every((number) => number < count)).toBe(true)
        },
      ),
    )
  })

  it('answers as many records as a message can hold', () => {
    const picker = Picker.of(numbersTo(ALL - 1))
    expect(sorted(picker.pick(policy, { prepare: (selection) => void selection.weights.fill(1) }))).toEqual(
      numbersTo(ALL - 1),
    )
  })

  it('answers usable records only, and none when there are none', () => {
    const picker = Picker.of(numbersTo(20))
    const without = (isUsable: (i: number) => boolean) => (selection: RecordSelection) => {
      for (let i = 0; i < 20; i++) {
        selection.usable[i] = isUsable(i) ? 1 : 0
        selection.weights[i] = i
      }
      selection.keepUsable()
    }
    for (let client = 0; client < 50; client++) {
      const picked = picker.pick(policy, { client, prepare: without((i) => i % 3 === 1) })
      expect(sorted(picked)).toEqual([1, 4, 7, 10, 13, 16, 19])
      expect(picker.pick(policy, { client, max: 2, prepare: without((i) => i === 5) })).toEqual([5])
    }
    expect(picker.pick(policy, { prepare: without(() => false) })).toEqual([])
  })

  it('answers SRV records by priority first, so that maxAnswers cuts off the last resort', () => {
    const all = [3, 1, 2, 1, 3, 2, 65535, 0].map((priority, i) => ({ priority, weight: i % 3 === 0 ? 0 : 10 * i }))
    const picker = Picker.ofServices(all)
    for (let i = 0; i < 100; i++) {
      const picked = picker.pick(policy, { type: SRV, client: i * 7919, owner: 5 })
      expect(picked.map((number) => all[number]!.priority)).toEqual([0, 1, 1, 2, 2, 3, 3, 65535])
      expect(picker.pick(policy, { type: SRV, max: 1, client: i })).toEqual([7])
    }
  })
})

describe('shuffle', () => {
  it('answers each permutation equally often, within 2 %', () => {
    const picker = Picker.of(numbersTo(4), 42)
    const seen = new Map<string, number>()
    for (let i = 0; i < 24 * 20_000; i++) {
      const key = picker.pick('shuffle').join()
      seen.set(key, (seen.get(key) ?? 0) + 1)
    }
    expect(seen.size).toBe(24)
    for (const times of seen.values()) expect(Math.abs(times / 20_000 - 1)).toBeLessThan(0.02)
  })

  it('lets each record be among the few that are answered equally often, within 2 %', () => {
    const picker = Picker.of(numbersTo(10), 43)
    const seen = new Array<number>(10).fill(0)
    for (let i = 0; i < 200_000; i++) for (const number of picker.pick('shuffle', { max: 3 })) seen[number]!++
    for (const times of seen) expect(Math.abs(times / 60_000 - 1)).toBeLessThan(0.02)
  })
})

describe('rotate', () => {
  it('answers the records in their order, each first by turns', () => {
    const picker = Picker.of(numbersTo(4))
    const start = picker.pick('rotate')[0]!
    for (let turn = 1; turn < 20; turn++) {
      expect(picker.pick('rotate')).toEqual(numbersTo(4).map((i) => (start + turn + i) % 4))
    }
  })

  it('takes turns for each name and type apart', () => {
    const picker = Picker.of(numbersTo(3))
    const first = (owner: number, type: number) => picker.pick('rotate', { owner, type, max: 1 })[0]!
    const names = Array.from({ length: 20 }, (_, i) => [i * 12345, A + 27 * (i & 1)] as const)
    const starts = names.map(([owner, type]) => first(owner, type))
    for (let turn = 1; turn < 10; turn++) {
      expect(names.map(([owner, type]) => first(owner, type))).toEqual(starts.map((start) => (start + turn) % 3))
    }
  })

  it('is even within 2 % for each of many more names than there are counters, asked by turns', () => {
    const count = 4
    const names = 10_000
    const rounds = 200
    const picker = Picker.of(numbersTo(count), 9)
    const all = new Array<number>(count).fill(0)
    const ofSome = Array.from({ length: 50 }, () => new Array<number>(count).fill(0))
    for (let round = 0; round < rounds; round++) {
      for (let name = 0; name < names; name++) {
        const first = picker.pick('rotate', { owner: Math.imul(name, 0x01000193) })[0]!
        all[first]!++
        if (name < 50) ofSome[name]![first]!++
      }
    }
    for (const times of all) expect(Math.abs(times / ((names * rounds) / count) - 1)).toBeLessThan(0.02)
    // Two hundred questions are too few to be even to a hundredth, but no name is stuck to some of its records.
    for (const times of ofSome) expect(Math.min(...times)).toBeGreaterThan(20)
  })
})

describe('clientHash', () => {
  const clients = Array.from({ length: 40_000 }, (_, i) =>
    clientKey('address', clientFromText(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`)!, 0),
  )
  const firsts = (numbers: readonly number[]) => {
    const picker = Picker.of(numbers)
    return clients.map((client) => picker.pick('clientHash', { client, max: 1 })[0]!)
  }

  it('answers a client the same always, in whichever order the records stand', () => {
    const numbers = numbersTo(9)
    const [picker, other] = [Picker.of(numbers), Picker.of(numbers.toReversed(), 2)]
    for (const client of clients.slice(0, 500)) {
      expect(other.pick('clientHash', { client })).toEqual(picker.pick('clientHash', { client }))
    }
  })

  it.each([2, 3, 5, 10])('spreads clients over %i backends evenly, within 2 % of all', (count) => {
    const shares = sharesOfFirst(count, clients.length, (i) => [firstsOf(count)[i]!])
    for (const share of shares) expect(Math.abs(share - 1 / count)).toBeLessThan(0.02)
  })

  it.each([2, 3, 5, 10])('moves the clients of the one that leaves %i backends, and no others', (count) => {
    const before = firstsOf(count)
    for (const leaver of [0, count - 1]) {
      const after = firsts(numbersTo(count).filter((number) => number !== leaver))
      const moved = before.filter((first, i) => first !== after[i])
      expect(moved.every((first) => first === leaver)).toBe(true)
      expect(moved.length / clients.length).toBeLessThanOrEqual(1 / count + 0.01)
    }
  })

  it('gives the clients of one that leaves to the others evenly', () => {
    const before = firstsOf(5)
    const after = firsts([0, 1, 2, 3])
    const taken = new Array<number>(4).fill(0)
    before.forEach((first, i) => {
      if (first === 4) taken[after[i]!]!++
    })
    const all = taken.reduce((sum, each) => sum + each)
    for (const each of taken) expect(Math.abs(each / all - 0.25)).toBeLessThan(0.02)
  })

  it('knows an SRV backend by port and target: weights and priorities move nobody', () => {
    const light = Picker.ofServices(numbersTo(4).map(() => ({ priority: 1, weight: 1 })))
    const heavy = Picker.ofServices(numbersTo(4).map((n) => ({ priority: 7, weight: 100 * n })))
    for (const client of clients.slice(0, 500)) {
      expect(heavy.pick('clientHash', { client })).toEqual(light.pick('clientHash', { client }))
    }
  })

  it('knows a client by its address, or by its network', () => {
    const key = (affinity: 'address' | 'subnet' | 'ecs', text: string) => clientKey(affinity, clientFromText(text)!, 0)
    expect(key('subnet', '192.0.2.1')).toBe(key('subnet', '192.0.2.99'))
    expect(key('subnet', '2001:db8::1')).toBe(key('subnet', '2001:db8:0:ff::1'))
    expect(key('subnet', '192.0.3.1')).not.toBe(key('subnet', '192.0.2.1'))
    expect(key('address', '192.0.2.1')).not.toBe(key('address', '192.0.2.99'))
    expect(key('ecs', '192.0.2.0')).toBe(key('ecs', '192.0.2.0'))
  })

  const known = new Map<number, readonly number[]>()
  function firstsOf(count: number): readonly number[] {
    if (!known.has(count)) known.set(count, firsts(numbersTo(count)))
    return known.get(count)!
  }
})

describe('weighted', () => {
  const pickWith = (weights: readonly number[], rounds: number) => {
    const picker = Picker.of(numbersTo(weights.length), 17)
    return sharesOfFirst(weights.length, rounds, () =>
      picker.pick('weighted', { max: 1, prepare: (selection) => void selection.weights.set(weights) }),
    )
  }

  it.each([
    [[1, 1, 1]],
    [[5, 3, 2]],
    [[100, 50, 25, 25]],
    [[1, 0, 3]],
    [[65535, 65535, 1]],
    [[10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120, 130, 140]],
  ])('answers first as the weights say, within 2 %% of all: %j', (weights) => {
    const sum = weights.reduce((a, b) => a + b)
    const shares = pickWith(weights, 100_000)
    shares.forEach((share, i) => {
      expect(Math.abs(share - weights[i]! / sum)).toBeLessThan(0.02)
    })
  })

  it('answers second as the weights of the rest say', () => {
    const picker = Picker.of(numbersTo(3), 23)
    const weights = [6, 3, 1]
    let both = 0
    const rounds = 100_000
    for (let i = 0; i < rounds; i++) {
      const [first, second] = picker.pick('weighted', { prepare: (selection) => void selection.weights.set(weights) })
      if (first === 0 && second === 1) both++
    }
    expect(Math.abs(both / rounds - 0.6 * 0.75)).toBeLessThan(0.02)
  })

  it.each([1, 8, 9, 40])('answers %i of forty as the weights say, none of them twice', (max) => {
    const weights = numbersTo(40).map((i) => 1 + (i % 8))
    const sum = weights.reduce((a, b) => a + b)
    const picker = Picker.of(numbersTo(40), 31)
    const prepare = (selection: RecordSelection) => void selection.weights.set(weights)
    const shares = sharesOfFirst(40, 100_000, () => picker.pick('weighted', { max, prepare }))
    shares.forEach((share, i) => {
      expect(Math.abs(share - weights[i]! / sum)).toBeLessThan(0.01)
    })
    for (let i = 0; i < 1000; i++) expect(new Set(picker.pick('weighted', { max, prepare })).size).toBe(max)
  })

  it('answers records of no weight last, and evenly when no record has any', () => {
    const picker = Picker.of(numbersTo(4), 3)
    for (let i = 0; i < 1000; i++) {
      expect(
        picker
          .pick('weighted', { prepare: (selection) => void selection.weights.set([0, 1, 0, 65535]) })
          .slice(2)
          .sort(),
      ).toEqual([0, 2])
    }
    for (const share of pickWith([0, 0, 0, 0], 100_000)) expect(Math.abs(share - 0.25)).toBeLessThan(0.02)
  })

  it('takes the weights of SRV records, those of their own priority', () => {
    const picker = Picker.ofServices([
      { priority: 2, weight: 1000 },
      { priority: 1, weight: 30 },
      { priority: 1, weight: 10 },
    ])
    const shares = sharesOfFirst(3, 100_000, () => picker.pick('weighted', { max: 1 }))
    expect(shares[0]).toBe(0)
    expect(Math.abs(shares[1]! - 0.75)).toBeLessThan(0.02)
  })

  it('keeps weights with their records when unusable ones are left out', () => {
    const picker = Picker.of(numbersTo(3), 5)
    const shares = sharesOfFirst(3, 50_000, () =>
      picker.pick('weighted', {
        prepare: (selection) => {
          selection.weights.set([1000, 10, 30])
          selection.usable.set([0, 1, 1])
          selection.keepUsable()
        },
      }),
    )
    expect(shares[0]).toBe(0)
    expect(Math.abs(shares[2]! - 0.75)).toBeLessThan(0.02)
  })
})

describe('ordered', () => {
  it('answers the records as they were put, the first ones if only some', () => {
    const picker = Picker.of([7, 3, 9, 1])
    expect(picker.pick('ordered')).toEqual([7, 3, 9, 1])
    expect(picker.pick('ordered', { max: 2 })).toEqual([7, 3])
  })
})
