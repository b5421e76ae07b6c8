/** Something wrong in a file of records, and where. Whoever knows the file's name makes it an error for others. */
export class SyntaxFault extends Error {
  /** Counted from 1. */
  readonly line: number

  constructor(line: number, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'SyntaxFault'
    this.line = line
  }
}
