/** Calls in a round: a millisecond or two, so that some rounds are not disturbed by whatever else uses the machine. */
const CALLS = 20_000
const ROUNDS = 100
const WARM_UP_ROUNDS = 20

/** Prints the nanoseconds of one call, by the fastest of many rounds. What the calls return is added up, so that none is left out. */
export function report(what: string, call: (i: number) => number): void {
  let fastest = Number.POSITIVE_INFINITY
  let sum = 0
  for (let round = 0; round < ROUNDS + WARM_UP_ROUNDS; round++) {
    const start = process.hrtime.bigint()
    for (let i = 0; i < CALLS; i++) sum = (sum + call(round * CALLS + i)) | 0
    if (round >= WARM_UP_ROUNDS) fastest = Math.min(fastest, Number(process.hrtime.bigint() - start) / CALLS)
  }
  console.log(`${what.padEnd(60)} ${fastest.toFixed(1).padStart(8)} ns  (${sum})`)
}
