import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BenchOptions } from './options.js'
import type { Processes } from './processes/processes.js'

/** What the parts of the bench work with. */
export interface Bench {
  readonly options: BenchOptions
  readonly processes: Processes
  readonly folders: Folders
  /** Says what goes on, apart from the results. */
  progress(text: string): void
}

/** A part's result: for people, and for programs. */
export interface PartReport {
  readonly title: string
  readonly text: string
  readonly figures: unknown
}

/** Temporary folders, all gone when the bench ends. */
export class Folders {
  readonly #root = mkdtempSync(join(tmpdir(), 'containerdns-bench-'))
  #count = 0

  constructor() {
    process.once('exit', () => rmSync(this.#root, { recursive: true, force: true }))
  }

  make(name: string): string {
    const folder = join(this.#root, `${++this.#count}-${name.replace(/\W+/g, '-')}`)
    mkdirSync(folder)
    return folder
  }
}
