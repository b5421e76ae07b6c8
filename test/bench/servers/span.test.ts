import { expect, it } from 'vitest'
import { overlap, spanLength } from './span.js'

it('measures a span and what others cover of it', () => {
  const span = { from: 10, to: 20 }
  expect(spanLength(span)).toBe(10)
  expect(overlap(span, [])).toBe(0)
  expect(
    overlap(span, [
      { from: 0, to: 5 },
      { from: 8, to: 12 },
      { from: 15, to: 16 },
      { from: 19, to: 40 },
    ]),
  ).toBe(4)
})
