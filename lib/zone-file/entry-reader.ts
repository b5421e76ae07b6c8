import { startOfText } from './start-of-text.js'
import { SyntaxFault } from './syntax-fault.js'

const TAB = 0x09
const NEWLINE = 0x0a
const RETURN = 0x0d
const SPACE = 0x20
const QUOTE = 0x22
const OPEN = 0x28
const CLOSE = 0x29
const SEMICOLON = 0x3b
const EQUALS = 0x3d
const BACKSLASH = 0x5c

/** What the longest rdata takes, each octet as `\DDD`, and as much again for comments: nothing holds us longer than a few milliseconds. */
const MAX_ENTRY_BYTES = 1 << 19

/**
 * Cuts a master file (RFC 1035 §5.1) into entries, and those into tokens. An entry is a line, or several within parentheses.
 *
 * Made once for a file; `next` goes on to the next entry and overwrites the tokens of the last. Escapes are left in the tokens.
 */
export class EntryReader {
  /** Where the entry in hand begins, counted from 1. */
  line = 0
  /** Whether white space stands before its first token: then it has no owner of its own. */
  startsBlank = false
  count = 0
  readonly #bytes: Buffer
  readonly #starts: number[] = []
  readonly #ends: number[] = []
  readonly #quoted: boolean[] = []
  #at = 0
  #entryStart = 0
  #currentLine = 1

  constructor(bytes: Buffer) {
    this.#bytes = bytes
    this.#at = startOfText(bytes)
  }

  /** False at the end of the file. Throws SyntaxFault. */
  next(): boolean {
    const bytes = this.#bytes
    let depth = 0
    this.#begin()
    while (this.#at < bytes.length) {
      const code = bytes[this.#at]!
      if (code === NEWLINE) {
        this.#at++
        this.#currentLine++
        if (depth > 0) {
          this.#refuseTooLong()
          continue
        }
        if (this.count > 0) return true
        this.#begin()
      } else if (code === SPACE || code === TAB || code === RETURN) {
        if (this.#at === this.#entryStart) this.startsBlank = true
        this.#at++
      } else if (code === SEMICOLON) {
        const end = bytes.indexOf(NEWLINE, this.#at)
        this.#at = end === -1 ? bytes.length : end
      } else if (code === OPEN) {
        depth++
        this.#at++
      } else if (code === CLOSE) {
        if (depth === 0) throw new SyntaxFault(this.#currentLine, 'a parenthesis is closed that was not opened')
        depth--
        this.#at++
      } else if (code === QUOTE) this.#quotedToken()
      else this.#token()
    }
    if (depth > 0) throw new SyntaxFault(this.line, 'a parenthesis is not closed')
    return this.count > 0
  }

  /** A token as it stands in the file, an octet a character; without its quotes. */
  text(index: number): string {
    return this.#bytes.toString('latin1', this.#starts[index]!, this.#ends[index]!)
  }

  isQuoted(index: number): boolean {
    return this.#quoted[index]!
  }

  #begin(): void {
    this.#entryStart = this.#at
    this.count = 0
    this.line = this.#currentLine
    this.startsBlank = false
  }

  #token(): void {
    const bytes = this.#bytes
    const start = this.#at
    let at = start
    for (; at < bytes.length; at++) {
      const code = bytes[at]!
      if (code === BACKSLASH) {
        if (at + 1 < bytes.length && bytes[at + 1] !== NEWLINE) at++
        continue
      }
      // RFC 9460 §2.1: in `key="value"` the quotes belong to the token.
      if (code === QUOTE && bytes[at - 1] === EQUALS && at > start) {
        at = this.#closingQuote(at + 1)
        continue
      }
      if (isSpecial(code)) break
    }
    this.#push(start, at, false)
    this.#at = at
  }

  #quotedToken(): void {
    const end = this.#closingQuote(this.#at + 1)
    this.#push(this.#at + 1, end, true)
    this.#at = end + 1
  }

  #closingQuote(from: number): number {
    const bytes = this.#bytes
    for (let at = from; at < bytes.length && bytes[at] !== NEWLINE; at++) {
      if (bytes[at] === QUOTE) return at
      if (bytes[at] === BACKSLASH && bytes[at + 1] !== NEWLINE) at++
    }
    throw new SyntaxFault(this.#currentLine, 'a quoted string does not end on its line')
  }

  #refuseTooLong(): void {
    if (this.#at - this.#entryStart <= MAX_ENTRY_BYTES) return
    throw new SyntaxFault(this.line, `an entry takes more than ${MAX_ENTRY_BYTES} bytes; is a parenthesis not closed?`)
  }

  #push(start: number, end: number, quoted: boolean): void {
    this.#refuseTooLong()
    this.#starts[this.count] = start
    this.#ends[this.count] = end
    this.#quoted[this.count] = quoted
    this.count++
  }
}

function isSpecial(code: number): boolean {
  if (code <= SPACE) return code === SPACE || code === TAB || code === NEWLINE || code === RETURN
  return code === SEMICOLON || code === OPEN || code === CLOSE || code === QUOTE
}
