import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compareForwarded } from '../interop/forwarding/compare-forwarded.js'
import { forwardedQuestions, writeSignedZone } from '../interop/forwarding/forwarded-zone.js'
import type { Soak } from './soak.js'

const NAMES = 100_000
const MOST_SHOWN = 20

/** 100 000 names of a signed zone in Unbound and in BIND, asked for directly and through us. It takes what that takes, whatever `minutes` say. */
export const soak: Soak = {
  name: 'forward',
  minutes: 5,
  async run(report) {
    const folder = mkdtempSync(join(tmpdir(), 'containerdns-forward-'))
    try {
      const seed = Date.now() & 0x7fffffff
      const zone = writeSignedZone(join(folder, 'zone'), NAMES)
      const questions = forwardedQuestions(NAMES, seed)
      let wrong = 0
      for (const upstream of ['Unbound', 'BIND'] as const) {
        const { differences, asked, overTcp } = await compareForwarded(upstream, folder, zone, questions)
        report(`${upstream}: ${asked} questions, ${overTcp} over TCP, ${differences.length} differences, seed ${seed}`)
        for (const difference of differences.slice(0, MOST_SHOWN)) report(difference)
        wrong += differences.length
      }
      if (wrong > 0) throw new Error(`${wrong} answers differ`)
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
}
