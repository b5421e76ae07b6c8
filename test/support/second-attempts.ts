import type { Reporter, TestCase } from 'vitest/node'

/** Names the tests that passed at their second attempt only, after all others: each is a fault of the test or of the product. */
export class SecondAttempts implements Reporter {
  readonly #names: string[] = []

  onTestCaseResult(test: TestCase): void {
    if (test.diagnostic()?.flaky) this.#names.push(`${test.module.relativeModuleId} > ${test.fullName}`)
  }

  onTestRunEnd(): void {
    if (this.#names.length > 0)
      process.stdout.write(`passed at the second attempt only:\n  ${this.#names.join('\n  ')}\n`)
  }
}
