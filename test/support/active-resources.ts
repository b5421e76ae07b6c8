import { expect } from 'vitest'
import { eventually } from './eventually.js'

/** Kinds of what keeps this process alive now, once for each; those of earlier tests and of the test runner may be among them. */
export function activeResources(): string[] {
  return process.getActiveResourcesInfo()
}

/**
 * Claims that nothing keeps the process alive that did not do so `before`, and waits for what is just going away. What was there
 * before may have gone meanwhile.
 */
export async function expectNothingLeft(before: readonly string[]): Promise<void> {
  await eventually(() => {
    const left = activeResources()
    for (const each of before) if (left.includes(each)) left.splice(left.indexOf(each), 1)
    expect(left).toEqual([])
  })
}
