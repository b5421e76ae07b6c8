import { closeSync, openSync, writeSync } from 'node:fs'
import { CommandFailure } from './outcome.js'

const STANDARD_ERROR = 2

/** A file that lines are added to. While it cannot be written they go to standard error, which is told why, once. */
export class LogFile {
  readonly #path: string
  #descriptor: number
  #failed = false

  private constructor(path: string, descriptor: number) {
    this.#path = path
    this.#descriptor = descriptor
  }

  /** Throws a CommandFailure. */
  static open(path: string): LogFile {
    try {
      return new LogFile(path, openForLines(path))
    } catch (error) {
      throw new CommandFailure(`the log cannot be opened: ${(error as Error).message}`, 'CDNS_LOG_FILE_FAILED')
    }
  }

  write(line: string): void {
    try {
      writeSync(this.#descriptor, line)
      this.#failed = false
    } catch (error) {
      this.#sayOnce(error as Error)
      tell(line)
    }
  }

  /** Somebody has moved the file: lines go to a new one from now on, or on to the one that was moved. */
  reopen(): void {
    try {
      const opened = openForLines(this.#path)
      closeSync(this.#descriptor)
      this.#descriptor = opened
    } catch (error) {
      this.#sayOnce(error as Error)
    }
  }

  #sayOnce(error: Error): void {
    if (this.#failed) return
    this.#failed = true
    tell(`the log cannot be written: ${error.message}\n`)
  }
}

/** What happens in a network is not for everybody on the host to read. */
function openForLines(path: string): number {
  return openSync(path, 'a', 0o640)
}

/** Nobody may listen there. */
function tell(line: string): void {
  try {
    writeSync(STANDARD_ERROR, line)
  } catch {
    // There is nowhere left to say it.
  }
}
