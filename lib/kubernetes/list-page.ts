import {
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  skipSpace,
  stringEnd,
} from '../store/json-bytes.js'

/** What a page of a list says of itself. */
export interface PageMetadata {
  readonly resourceVersion: string
  /** Where the next page goes on; '' when this is the last. */
  readonly continueAt: string
}

/**
 * The items of a page of a list, one at a time, and what the page says of itself at the end. Throws SyntaxError.
 *
 * `JSON.parse` of a page of endpoints takes the host's event loop 100 ms in one go. Here bytes are only cut at the commas of the items;
 * `JSON.parse` judges the pieces.
 */
export function* pageItems(bytes: Buffer): Generator<unknown, PageMetadata, void> {
  let metadata: PageMetadata | undefined
  let at = skipSpace(bytes, 0)
  if (bytes[at] !== OPEN_BRACE) throw new SyntaxError('a list is an object')
  for (at = skipSpace(bytes, at + 1); bytes[at] !== CLOSE_BRACE; ) {
    const keyEnd = valueEnd(bytes, at)
    const key = parsePiece(bytes, at, keyEnd)
    at = skipSpace(bytes, keyEnd)
    if (bytes[at] !== COLON) throw new SyntaxError('a list ends too early')
    at = skipSpace(bytes, at + 1)
    if (key === 'items' && bytes[at] === OPEN_BRACKET) at = yield* arrayItems(bytes, at)
    else {
      const end = valueEnd(bytes, at)
      if (key === 'metadata') metadata = readMetadata(parsePiece(bytes, at, end))
      at = end
    }
    at = skipSpace(bytes, at)
    if (bytes[at] === COMMA) at = skipSpace(bytes, at + 1)
    else if (bytes[at] !== CLOSE_BRACE) throw new SyntaxError('a list ends too early')
  }
  if (metadata === undefined) throw new SyntaxError('a list has no metadata')
  return metadata
}

/** Returns where the array has ended. */
function* arrayItems(bytes: Buffer, start: number): Generator<unknown, number, void> {
  let at = skipSpace(bytes, start + 1)
  while (bytes[at] !== CLOSE_BRACKET) {
    const end = valueEnd(bytes, at)
    yield parsePiece(bytes, at, end)
    at = skipSpace(bytes, end)
    if (bytes[at] === COMMA) at = skipSpace(bytes, at + 1)
    else if (bytes[at] !== CLOSE_BRACKET) throw new SyntaxError('the items of a list end too early')
  }
  return at + 1
}

/** Where a value ends that begins here: right behind its last bracket or quote, or where something else begins. */
function valueEnd(bytes: Buffer, start: number): number {
  let depth = 0
  for (let at = start; at < bytes.length; at++) {
    switch (bytes[at]) {
      case QUOTE:
        at = stringEnd(bytes, at + 1)
        if (depth === 0) return at + 1
        break
      case OPEN_BRACE:
      case OPEN_BRACKET:
        depth++
        break
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        if (depth === 0) return at
        depth--
        if (depth === 0) return at + 1
        break
      case COMMA:
      case COLON:
        if (depth === 0) return at
        break
    }
  }
  return bytes.length
}

function parsePiece(bytes: Buffer, start: number, end: number): unknown {
  return JSON.parse(bytes.toString('utf8', start, end))
}

function readMetadata(given: unknown): PageMetadata {
  const { resourceVersion, continue: continueAt } = (given ?? {}) as Record<string, unknown>
  if (typeof resourceVersion !== 'string' || resourceVersion === '') {
    throw new SyntaxError('a list has no resourceVersion')
  }
  return { resourceVersion, continueAt: typeof continueAt === 'string' ? continueAt : '' }
}
