import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { CACHE_MAX_BYTES, CACHE_MAX_ENTRIES } from '../../lib/answer-cache/options.js'
import * as options from '../../lib/forward/options.js'
import { FAILURE_REASONS } from '../../lib/forward/upstream/upstream-result.js'
import { UPSTREAM_PROTOCOLS } from '../../lib/forward/upstream-address.js'

const text = readFileSync(new URL('../../docs/forwarding.md', import.meta.url), 'utf8')

/** Rows of the table whose head begins with some text, by the name in their first column. */
function table(head: string): Map<string, string> {
  const start = text.indexOf(`\n| ${head} |`)
  expect(start, head).toBeGreaterThan(0)
  const rows = text
    .trimEnd()
    .slice(start + 1)
    .split('\n\n')[0]!
    .split('\n')
    .slice(2)
  return new Map(rows.map((row) => [/`(\w+)`/.exec(row)![1]!, row]))
}

describe('docs/forwarding.md', () => {
  it('lists each option of forward, with its bounds', () => {
    const rows = table('option of `forward`')
    expect([...rows.keys()].sort()).toEqual([...options.FORWARD_OPTION_NAMES].sort())
    for (const [name, bounds] of [
      ['attempts', options.ATTEMPTS],
      ['tryTimeoutMs', options.TRY_TIMEOUT_MS],
      ['timeoutMs', options.FORWARD_TIMEOUT_MS],
      ['maxInFlight', options.MAX_IN_FLIGHT],
    ] as const) {
      expect(rows.get(name)).toContain(`| ${bounds.default} |`)
      expect(rows.get(name)).toContain(`${bounds.min} to ${bounds.max}`)
    }
    for (const policy of options.FORWARD_POLICIES) expect(rows.get('policy')).toContain(`'${policy}'`)
  })

  it('lists each option of the cache, with its bounds', () => {
    const rows = table('option of `forward.cache`')
    expect([...rows.keys()].sort()).toEqual([...options.FORWARD_CACHE_OPTION_NAMES].sort())
    for (const [name, bounds] of [
      ['maxBytes', CACHE_MAX_BYTES],
      ['maxEntries', CACHE_MAX_ENTRIES],
      ['minTtl', options.CACHE_MIN_TTL],
      ['maxTtl', options.CACHE_MAX_TTL],
      ['servfailTtl', options.CACHE_SERVFAIL_TTL],
      ['serveStale', options.CACHE_SERVE_STALE],
    ] as const) {
      expect(rows.get(name)).toContain(`| ${bounds.default} |`)
      expect(rows.get(name)).toContain(`${bounds.min} to ${bounds.max}`)
    }
  })

  it('lists each protocol, and each reason for which a query fails with what the client is told', () => {
    expect([...table('protocol').keys()]).toEqual([...UPSTREAM_PROTOCOLS])
    const told = [...table('reason')].map(([reason, row]) => [reason, Number(/\| (\d+) \|/.exec(row)![1])])
    expect(Object.fromEntries(told)).toEqual(FAILURE_REASONS)
  })
})
