import type { ReadRecord } from '../support/read-message.js'
import { type Answer, type Answered, recordLine } from './answered.js'
import { EXCEPTIONS, wholeChain } from './exceptions.js'
import type { Question } from './questions.js'
import type { ReferenceName } from './reference-server.js'

/** What one of two answers has and the other has not. */
export interface Difference {
  readonly side: 'ours' | 'theirs'
  readonly section: 'header' | 'answer' | 'authority' | 'additional'
  readonly record: ReadRecord | undefined
  /** The same for what is the same. */
  readonly line: string
}

/** Two servers that hold the same zones. */
export interface Pair {
  readonly reference: ReferenceName
  readonly ours: Answered
  readonly theirs: Answered
}

/** Asks both. What is different and no exception excuses, for people; empty where there is nothing. */
export async function compare({ reference, ours, theirs }: Pair, question: Question): Promise<string[]> {
  const [our, their] = await Promise.all([
    ours.ask(question),
    reference === 'Knot' ? wholeChain(theirs, question) : theirs.ask(question),
  ])
  const [a, b] = [told('ours', our), told('theirs', their)]
  const differences = [...missingFrom(b, a), ...missingFrom(a, b)]
  const unexcused = twice(a)
  const exceptions = EXCEPTIONS.filter(({ servers }) => servers.includes(reference))
  for (const difference of differences) {
    const verdicts = exceptions.map((exception) => exception.excuses(difference, { question, our, their, theirs }))
    if (!(await Promise.all(verdicts)).includes(true)) unexcused.push(`${difference.side}: ${difference.line}`)
  }
  return unexcused
}

function told(side: Difference['side'], { rcode, aa, answer, authority, additional }: Answer): Difference[] {
  const records = { answer, authority, additional }
  return [
    { side, section: 'header', record: undefined, line: `RCODE ${rcode}` },
    { side, section: 'header', record: undefined, line: `AA ${aa}` },
    ...(['answer', 'authority', 'additional'] as const).flatMap((section) =>
      records[section].map(
        (record): Difference => ({ side, section, record, line: `${section} ${recordLine(record)}` }),
      ),
    ),
  ]
}

/** No record is in a section twice here, whatever others think of that. */
function twice(some: readonly Difference[]): string[] {
  const lines = some.map(({ line }) => line)
  return lines.filter((line, i) => lines.indexOf(line) !== i).map((line) => `ours, twice: ${line}`)
}

/** As sets. */
function missingFrom(some: readonly Difference[], others: readonly Difference[]): Difference[] {
  const lines = new Set(some.map(({ line }) => line))
  return others.filter(({ line }) => !lines.has(line))
}
