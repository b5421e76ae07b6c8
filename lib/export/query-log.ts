import { type FileHandle, open, rename, stat } from 'node:fs/promises'
import type { ExportControl } from './export-control.js'
import type { ExportedQuery } from './exported-query.js'
import { OutputBuffer } from './output-buffer.js'
import { NONE } from './ring-layout.js'

/** Of each half: some thousand lines, for a disk that is slow for a moment. */
const BUFFER_BYTES = 2 ** 20
/** A character of a line takes three bytes of UTF-8 at most: those of JSON that need four are two characters. */
const BYTES_PER_CHARACTER = 3

/**
 * Lines of JSON in a file that others may move away: it is opened anew when it is another one, or none, by that name. Moves it itself when it has
 * become too large. What cannot be written is counted as lost. Belongs to the export thread.
 */
export class QueryLog {
  readonly #file: string
  readonly #maxBytes: number
  readonly #control: ExportControl
  readonly #onState: (failure: Error | undefined) => void
  readonly #output = new OutputBuffer(BUFFER_BYTES, true, (bytes, items) => this.#write(bytes, items))
  #handle: FileHandle | undefined
  #inode = 0
  #size = 0
  #reopens: number
  #hasFailed = false
  #looking: Promise<void> | undefined

  /** `onState` is told when writing fails, and when it goes on. */
  constructor(file: string, maxBytes: number, control: ExportControl, onState: (failure: Error | undefined) => void) {
    this.#file = file
    this.#maxBytes = maxBytes
    this.#control = control
    this.#onState = onState
    this.#reopens = control.reopens
  }

  /** Rejects when the file cannot be opened; it is tried again with each write. */
  async open(): Promise<void> {
    const handle = await open(this.#file, 'a')
    try {
      const { ino, size } = await handle.stat()
      this.#handle = handle
      this.#inode = ino
      this.#size = size
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  add(query: ExportedQuery): void {
    const line = `${JSON.stringify(query)}\n`
    const start = this.#output.claim(BYTES_PER_CHARACTER * line.length)
    if (start === NONE) this.#control.count('logLost', 1)
    else this.#output.add(start + this.#output.bytes.write(line, start))
  }

  /** After some have been added. */
  flush(): void {
    this.#output.flush()
  }

  /** Looks whether the file is still the one that is open; now and then. */
  look(): void {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined
    })
  }

  async close(): Promise<void> {
    await this.#output.settled()
    await this.#looking
    await this.#shut()
  }

  /** Only notes it: a write may be going on. */
  async #look(): Promise<void> {
    const inode = await stat(this.#file).then(
      ({ ino }) => ino,
      () => 0,
    )
    if (inode !== this.#inode) this.#inode = 0
  }

  async #write(bytes: Buffer, items: number): Promise<void> {
    try {
      await this.#openAnew()
      if (this.#size > 0 && this.#size + bytes.length > this.#maxBytes) await this.#rotate()
      await this.#append(bytes)
      this.#control.count('logWritten', items)
      if (this.#hasFailed) this.#onState(undefined)
      this.#hasFailed = false
    } catch (error) {
      this.#control.count('logLost', items)
      if (!this.#hasFailed) this.#onState(error as Error)
      this.#hasFailed = true
    }
  }

  /** Where it was moved, was never there, or somebody says so. */
  async #openAnew(): Promise<void> {
    const { reopens } = this.#control
    if (this.#handle !== undefined && this.#inode !== 0 && reopens === this.#reopens) return
    this.#reopens = reopens
    await this.#shut()
    await this.open()
  }

  async #rotate(): Promise<void> {
    await rename(this.#file, `${this.#file}.1`)
    await this.#shut()
    await this.open()
  }

  async #append(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await this.#handle!.write(bytes, at)
      at += bytesWritten
      this.#size += bytesWritten
    }
  }

  async #shut(): Promise<void> {
    const handle = this.#handle
    this.#handle = undefined
    await handle?.close()
  }
}
