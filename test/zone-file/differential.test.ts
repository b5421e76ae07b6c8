import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { rrsetToText } from '../../lib/zone-file/rrset-to-text.js'
import { zoneRecords } from './zone-records.js'

// BIND and NSD read a zone file, and then what we have made of it: both times they must understand the same.

const NASTY = fileURLToPath(new URL('nasty.zone', import.meta.url))
const ZONE = 'nasty.example'
const folder = mkdtempSync(join(tmpdir(), 'containerdns-zone-'))
afterAll(() => rmSync(folder, { recursive: true }))

const CHECKERS: Record<string, (file: string) => string[]> = {
  'named-compilezone': (file) => {
    const output = join(folder, 'compiled')
    run('named-compilezone', ['-i', 'none', '-k', 'ignore', '-n', 'ignore', '-o', output, ZONE, file])
    // Owners come out of our stores in lower case.
    const lines = readFileSync(output, 'utf8').trim().split('\n')
    return lines.map((line) => line.replace(/^\S+/, (owner) => owner.toLowerCase())).sort()
  },
  'nsd-checkzone': (file) => {
    const lines = run('nsd-checkzone', ['-p', ZONE, file]).split('\n')
    return lines.filter((line) => line.includes('\tIN\t')).sort()
  },
}

function run(command: string, args: string[]): string {
  const PATH = `${process.env['PATH']}:/usr/sbin`
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    env: { ...process.env, PATH },
  })
  expect({ status, error, said: status === 0 ? '' : stdout + stderr }).toEqual({ status: 0, said: '' })
  return stdout
}

describe.each(Object.keys(CHECKERS))('a nasty zone file, to %s', (checker) => {
  it('says the same before and after we have read it', () => {
    const read = CHECKERS[checker]!
    const ours = join(folder, `ours-${checker}`)
    const records = zoneRecords(readFileSync(NASTY), ZONE)
    writeFileSync(ours, records.map(rrsetToText).join(''))
    const expected = read(NASTY)
    expect(expected).toHaveLength(records.length)
    expect(read(ours)).toEqual(expected)
  })
})
