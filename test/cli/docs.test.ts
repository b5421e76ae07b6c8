import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { EXIT } from '../../lib/cli/outcome.js'
import { createApicmd } from '../../lib/cli/run-apicmd.js'
import { createProgram } from '../../lib/cli/run-cli.js'
import { API_CONFIG_KEYS, CONFIG_KEYS } from '../../lib/config/config.js'
import { LOG_LEVELS } from '../../lib/config/log-levels.js'
import { ORIGIN_KEYS } from '../../lib/config/origin/origin-keys.js'
import { RELOADABLE_NAMES } from '../../lib/reloaded-options.js'

const read = (file: string) => readFileSync(new URL(`../../docs/${file}`, import.meta.url), 'utf8')

/** The rows of the table with that heading cell, a cell at a time. */
function rows(text: string, heading: string): string[][] {
  const table = text.slice(text.indexOf(`| ${heading} |`)).split('\n\n')[0]!
  return table
    .split('\n')
    .slice(2)
    .map((row) => row.split(' | ').map((cell) => cell.replace(/^\| | \|$/g, '')))
}

const words = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1]!)
const flagsOf = (command: Command) => command.options.map(({ long }) => long!)

describe('docs/cli.md', () => {
  const text = read('cli.md')
  const program = createProgram()

  it('lists each command, with its own commands', () => {
    const listed = rows(text, 'command').map(([name, what]) => [words(name!)[0], ...words(what!)])
    expect(listed).toEqual(program.commands.map((each) => [each.name(), ...each.commands.map((sub) => sub.name())]))
  })

  it('lists each exit code', () => {
    expect(rows(text, 'exit code').map(([code]) => Number(code))).toEqual(Object.values(EXIT))
  })

  it('lists each flag of serve', () => {
    const listed = rows(text.slice(text.indexOf('## serve')), 'flag').flatMap(([names]) => words(names!))
    const serve = program.commands.find((each) => each.name() === 'serve')!
    expect(listed.sort()).toEqual(flagsOf(serve).sort())
  })

  it('lists each flag of containerdns-apicmd', () => {
    const listed = rows(text.slice(text.indexOf('## containerdns-apicmd')), 'flag').flatMap(([names]) => words(names!))
    expect(listed.map((flag) => `-${flag}`).sort()).toEqual(flagsOf(createApicmd()).sort())
  })

  it('has help for each command', () => {
    for (const command of program.commands) expect(command.description(), command.name()).not.toBe('')
  })
})

describe('docs/configuration.md', () => {
  const text = read('configuration.md')

  it('lists each key', () => {
    const table = rows(text, 'key')
    expect(table.flatMap(([names]) => words(names!)).sort()).toEqual([...CONFIG_KEYS].sort())
    const what = (key: string) => table.find(([names]) => words(names!).includes(key))![1]!
    expect(API_CONFIG_KEYS.filter((key) => !words(what('api')).includes(key))).toEqual([])
    expect(LOG_LEVELS.filter((level) => !words(what('log')).includes(level))).toEqual([])
  })

  it('says of each option that can be reloaded how it changes', () => {
    const listed = rows(text, 'what').flatMap(([names]) => words(names!))
    expect(listed.sort()).toEqual([...RELOADABLE_NAMES, 'store', 'log', 'drainMs'].sort())
  })

  it('names keys of ContainerDNS that are some', () => {
    const known = new Set(Object.values(ORIGIN_KEYS).flat())
    for (const [cell] of rows(text, 'section and key')) {
      const [first, ...rest] = words(cell!)
      const [, section, key] = /^\[(\w+)\] (.+)$/.exec(first!)!
      for (const each of [key!, ...rest])
        expect(known, each).toContain(`${section!.toLowerCase()}.${each.toLowerCase()}`)
    }
  })
})
