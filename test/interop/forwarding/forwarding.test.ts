import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { ReferenceName } from '../reference-server.js'
import { compareForwarded } from './compare-forwarded.js'
import { forwardedQuestions, writeSignedZone } from './forwarded-zone.js'

// What Unbound and BIND say, and what they say through us: names that are there and not, aliases, wildcards, all types, answers that
// need TCP, signatures with DO. `npm run soak -- --only forward` asks for 100 000 names.

const NAMES = 5_000
const MOST_SHOWN = 10
const TIMEOUT_MS = 120_000

const folder = mkdtempSync(join(tmpdir(), 'containerdns-forwarding-'))
const zone = writeSignedZone(join(folder, 'zone'), NAMES)
afterAll(() => rmSync(folder, { recursive: true }))

describe.each<ReferenceName>(['Unbound', 'BIND'])('%s as upstream', (upstream) => {
  it(
    `is given for what it says, ${NAMES} times`,
    async () => {
      const seed = Number(process.env['INTEROP_SEED'] ?? Date.now() & 0x7fffffff)
      const questions = forwardedQuestions(NAMES, seed)
      const { differences, overTcp } = await compareForwarded(upstream, folder, zone, questions)
      const shown = differences.slice(0, MOST_SHOWN).join('\n\n')
      expect(shown, `${differences.length} differences; INTEROP_SEED=${seed} asks the same again`).toBe('')
      expect(overTcp).toBeGreaterThan(NAMES / 20)
    },
    TIMEOUT_MS,
  )
})
