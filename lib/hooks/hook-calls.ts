import { describe } from '../bounds.js'
import { encodeHookAnswer } from './hook-answer.js'
import type { Backend, HookQuery, HookResponse, Hooks } from './hooks.js'
import { nonsense } from './nonsense.js'

/** What comes of a hook. In a slot of a ring, it stands as a number. */
export const Outcome = { failed: 0, continue: 1, drop: 2, refuse: 3, answer: 4, chosen: 5 } as const
export type Outcome = (typeof Outcome)[keyof typeof Outcome]

/** Calls `onQuery`. An answer of its own is written from `at` on. Throws when the hook does, or returns nonsense. */
export function callOnQuery(
  hook: NonNullable<Hooks['onQuery']>,
  query: HookQuery,
  type: number,
  target: Uint8Array,
  at: number,
  end: number,
): Outcome {
  const verdict: unknown = settled(hook(query))
  if (verdict === 'continue' || verdict === 'drop' || verdict === 'refuse') return Outcome[verdict]
  if (typeof verdict !== 'object' || verdict === null) {
    throw nonsense(`onQuery must return continue, drop, refuse or an answer, got ${describe(verdict)}`)
  }
  encodeHookAnswer(verdict, type, target, at, end)
  return Outcome.answer
}

/** Calls `selectBackend`, and writes the indexes to `chosen`; returns how many. Throws when the hook does, or returns nonsense. */
export function callSelectBackend(
  hook: NonNullable<Hooks['selectBackend']>,
  query: HookQuery,
  backends: readonly Backend[],
  chosen: Uint16Array,
): number {
  const count = backends.length
  const indexes: unknown = settled(hook(query, backends))
  if (!Array.isArray(indexes) || indexes.length === 0 || indexes.length > count) {
    throw nonsense(`selectBackend must return an array of 1 to ${count} indexes, got ${describe(indexes)}`)
  }
  for (let i = 0; i < indexes.length; i++) {
    const index: unknown = indexes[i]
    if (typeof index !== 'number' || !Number.isInteger(index) || index < 0 || index >= count) {
      throw nonsense(`selectBackend must return whole numbers from 0 to ${count - 1}, got ${describe(index)}`)
    }
    if (indexes.indexOf(index) !== i) throw nonsense(`selectBackend returned ${index} twice`)
    chosen[i] = index
  }
  return indexes.length
}

/** Calls `onResponse`. Throws when the hook does, or returns a promise. */
export function callOnResponse(hook: NonNullable<Hooks['onResponse']>, query: HookQuery, response: HookResponse): void {
  settled(hook(query, response))
}

/** A promise comes too late whatever it brings. If it is rejected, that must not be what ends the process. */
function settled(result: unknown): unknown {
  const then: unknown = (result as { then?: unknown } | null | undefined)?.then
  if (typeof then !== 'function') return result
  Promise.resolve(result).catch(() => {})
  throw nonsense('a hook must return at once, got a promise')
}
