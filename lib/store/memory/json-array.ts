import { startOfText } from '../../zone-file/start-of-text.js'
import {
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COMMA,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  skipSpace,
  stringEnd,
} from '../json-bytes.js'

/**
 * The elements of a JSON array, parsed one at a time. Throws SyntaxError; the elements before the mistake have been given by then.
 *
 * `JSON.parse` of a file of a million RRsets takes the host's event loop a second in one go. Here the bytes are only cut at
 * the commas of the outermost array, and `JSON.parse` judges each piece: cutting needs to know strings and
 * depth, nothing else of JSON.
 */
export function* jsonArrayElements(bytes: Buffer): Generator<unknown, void, void> {
  const start = skipSpace(bytes, startOfText(bytes))
  if (bytes[start] !== OPEN_BRACKET) throw new SyntaxError('expected an array')
  let from = start + 1
  for (;;) {
    const end = elementEnd(bytes, from)
    if (end === bytes.length) throw new SyntaxError('the array does not end')
    const isLast = bytes[end] === CLOSE_BRACKET
    const isEmptyArray = isLast && from === start + 1 && skipSpace(bytes, from) === end
    if (!isEmptyArray) yield JSON.parse(bytes.toString('utf8', from, end))
    from = end + 1
    if (isLast) break
  }
  if (skipSpace(bytes, from) !== bytes.length) throw new SyntaxError('something follows the end of the array')
}

/** Where the comma or bracket stands that ends the element; the length of the bytes when there is none. */
function elementEnd(bytes: Buffer, from: number): number {
  let depth = 0
  for (let at = from; at < bytes.length; at++) {
    switch (bytes[at]) {
      case QUOTE:
        at = stringEnd(bytes, at + 1)
        break
      case OPEN_BRACE:
      case OPEN_BRACKET:
        depth++
        break
      case CLOSE_BRACE:
        depth--
        break
      case CLOSE_BRACKET:
        if (depth === 0) return at
        depth--
        break
      case COMMA:
        if (depth === 0) return at
        break
    }
  }
  return bytes.length
}
