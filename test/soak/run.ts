import { readdirSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { number, table } from '../bench/table.js'
import type { Soak } from './soak.js'

/** `npm run soak`: runs the soaks one after the other, prints what they say, and at the end what became of them. */

const HELP = `npm run soak -- [options]

  --only <name>,…   soaks to run; default all
  --minutes <n>     how long each runs; default as long as it says itself`

interface Outcome {
  readonly name: string
  readonly minutes: number
  readonly failure: Error | undefined
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { help: { type: 'boolean' }, only: { type: 'string' }, minutes: { type: 'string' } },
  })
  if (values.help === true) return console.log(HELP)
  const soaks = await chosen(values.only?.split(','))
  const minutes = values.minutes === undefined ? undefined : positive(values.minutes)
  const outcomes: Outcome[] = []
  for (const soak of soaks) outcomes.push(await outcomeOf(soak, minutes ?? soak.minutes))
  console.log(`\n${table(COLUMNS, outcomes)}`)
  if (outcomes.some(({ failure }) => failure !== undefined)) process.exitCode = 1
}

async function chosen(names: readonly string[] | undefined): Promise<Soak[]> {
  const files = readdirSync(new URL('.', import.meta.url)).filter((file) => file.endsWith('.soak.js'))
  const soaks = await Promise.all(files.map(loadSoak))
  const missing = names?.find((name) => !soaks.some((soak) => soak.name === name))
  if (missing === undefined) return soaks.filter(({ name }) => names?.includes(name) ?? true)
  throw new Error(`--only knows ${soaks.map(({ name }) => name).join(', ')}, got ${missing}`)
}

/** By its whole address: the bundler would look for what `./` and something may mean. */
async function loadSoak(file: string): Promise<Soak> {
  const { soak } = (await import(new URL(file, import.meta.url).href)) as { soak: Soak }
  return soak
}

async function outcomeOf(soak: Soak, minutes: number): Promise<Outcome> {
  const { name } = soak
  console.log(`${name}: ${minutes} minutes`)
  try {
    await soak.run((line) => console.log(`  ${line}`), minutes)
    return { name, minutes, failure: undefined }
  } catch (error) {
    console.error(error)
    return { name, minutes, failure: error as Error }
  }
}

const COLUMNS = [
  { title: 'soak', cell: ({ name }: Outcome) => name },
  { title: 'minutes', cell: ({ minutes }: Outcome) => number(minutes) },
  { title: 'outcome', cell: ({ failure }: Outcome) => failure?.message.split('\n')[0] ?? 'good' },
]

function positive(given: string): number {
  const value = Number(given)
  if (value > 0) return value
  throw new Error(`--minutes must be a number above 0, got ${given}`)
}

await main()
