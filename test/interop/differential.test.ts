import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createContainerDns, memoryStore } from 'containerdns'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { concurrently } from '../support/udp-asker.js'
import { Answered, describeQuestion } from './answered.js'
import { compare } from './compare.js'
import { generatedZones, NESTED, ROOT, writeGenerated } from './generated-zones.js'
import { type InteropZone, writeZones } from './interop-zones.js'
import { type Question, questions } from './questions.js'
import { type ReferenceName, startReference } from './reference-server.js'

// The same zone files here, in NSD and in Knot, and the same questions to all: RCODE, AA and sections as sets must agree,
// but for what `exceptions.ts` lists.

const QUESTIONS_EACH = 11_000
const GENERATED = 2
const QUESTIONS_EACH_GENERATED = 1_500
const AT_ONCE = 50
const MOST_SHOWN = 10
const TIMEOUT_MS = 120_000

const folder = mkdtempSync(join(tmpdir(), 'containerdns-interop-'))
const zones = writeZones(join(folder, 'zones'))
afterAll(() => rmSync(folder, { recursive: true }))

describe.each<ReferenceName>(['NSD', 'Knot'])('%s', (name) => {
  it(
    `gives the answers that we give to ${QUESTIONS_EACH} questions`,
    async () => {
      const seed = Number(process.env['INTEROP_SEED'] ?? Date.now() & 0x7fffffff)
      await expectNoDifference(name, zones, seed, QUESTIONS_EACH)
    },
    TIMEOUT_MS,
  )

  it.each([
    ['zones one below the other', NESTED],
    ['the root zone', ROOT],
  ])(
    'gives the answers that we give where %s hold anything',
    async (_, apexes) => {
      // Always the same ones: each new one may show another way of theirs to put addresses beside a referral. INTEROP_SEED has others.
      const first = Number(process.env['INTEROP_SEED'] ?? 1)
      for (let seed = first; seed < first + GENERATED; seed++) {
        const generated = fc.sample(generatedZones(apexes), { seed, numRuns: 1 })[0]!
        const files = writeGenerated(join(folder, `generated-${name}-${apexes.length}-${seed}`), generated)
        await expectNoDifference(name, files, seed, QUESTIONS_EACH_GENERATED)
      }
    },
    TIMEOUT_MS,
  )
})

async function expectNoDifference(
  name: ReferenceName,
  zones: readonly InteropZone[],
  seed: number,
  count: number,
): Promise<void> {
  const asked = fc.sample(questions(zones), { seed, numRuns: count })
  await using theirServer = await startReference(name, mkdtempSync(join(folder, name)), zones)
  await using ourServer = await createContainerDns({
    ...{ zones: zones.map((zone) => zone.name), listen: { port: 0 }, workers: 1, srvWeights: 'kept' },
    store: memoryStore({ zoneFile: zones.map(({ file }) => file) }),
  })
  await using theirs = await Answered.open(theirServer)
  await using ours = await Answered.open(ourServer.addresses[0]!)
  const differences: string[] = []
  await concurrently(asked, AT_ONCE, async (question: Question) => {
    const found = await compare({ reference: name, ours, theirs }, question)
    if (found.length > 0) differences.push([describeQuestion(question), ...found].join('\n  '))
  })
  const shown = differences.slice(0, MOST_SHOWN).join('\n\n')
  expect(shown, `${differences.length} differences; INTEROP_SEED=${seed} asks the same again`).toBe('')
}
