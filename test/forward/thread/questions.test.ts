import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type OpenQuestion, OpenQuestions } from '../../../lib/forward/thread/questions.js'
import { WaitingQuery } from '../../../lib/forward/thread/waiting-queries.js'
import { nameFromText } from '../../../lib/wire/name.js'
import { Question } from '../../../lib/wire/question.js'
import { WireReader } from '../../../lib/wire/reader.js'

const SEED = 7

function questionOf(text: string, type: number): Question {
  const name = nameFromText(text)
  const bytes = Uint8Array.from([...name, 0, type, 0, 1])
  const reader = new WireReader()
  reader.reset(bytes, 0, bytes.length)
  const question = new Question()
  if (!question.read(reader, SEED)) throw new Error(`no question: ${text}`)
  return question
}

/** Few questions, so that the same ones are opened again; `hash` is one of two, so that most share a bucket. */
const step = fc.record({
  opens: fc.boolean(),
  name: fc.constantFrom('a.example', 'b.example', 'a.a.example', '.'),
  type: fc.constantFrom(1, 28),
  flags: fc.nat(3),
  view: fc.nat(1),
  hash: fc.constantFrom(5, 5 + 4096),
})

describe('open questions', () => {
  it('are found, counted and kept in order like entries of a Map, whatever is opened and closed', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const questions = new OpenQuestions(() => {})
        const model = new Map<string, OpenQuestion>()
        for (const { opens, name, type, flags, view, hash } of steps) {
          const question = questionOf(name, type)
          const key = [name, type, flags, view, hash].join(' ')
          const found = questions.find(hash, question, flags, view)
          expect(found).toBe(model.get(key))
          if (opens && found === undefined) model.set(key, questions.open(hash, question, flags, view))
          if (!opens && found !== undefined) {
            questions.close(found)
            model.delete(key)
          }
          expect(questions.count).toBe(model.size)
          expect([...inOrder(questions)]).toEqual([...model.values()])
        }
      }),
    )
  })

  it('are used again without anything of what they were', () => {
    const questions = new OpenQuestions(() => {})
    const first = questions.open(1, questionOf('a-long-name.example', 28), 3, 1)
    first.isLate = true
    first.join(new WaitingQuery(new Uint8Array(1), 0))
    expect(first.takeAll()).toBeDefined()
    questions.close(first)
    const second = questions.open(2, questionOf('b.example', 1), 0, 0)
    expect(second).toBe(first)
    expect(second).toMatchObject({ type: 1, flags: 0, view: 0, isLate: false, nameLength: 11, first: undefined })
    expect(second.takeAll()).toBeUndefined()
    expect(questions.find(1, questionOf('a-long-name.example', 28), 3, 1)).toBeUndefined()
  })
})

function* inOrder({ oldest }: OpenQuestions): Iterable<OpenQuestion> {
  for (let question = oldest; question !== undefined; question = question.newer) yield question
}
