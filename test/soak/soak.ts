/** A test that takes its time. `test/soak/*.soak.ts` export one each, by the name `soak`. */
export interface Soak {
  readonly name: string
  /** How long it runs unless told otherwise. */
  readonly minutes: number
  /** Rejects when a bar is missed. `minutes` is what it is to take, give or take its start and end; `report` takes lines for people. */
  run(report: (line: string) => void, minutes: number): Promise<void>
}
