import { hasUnseen, visibleText } from './figures.js'

// Data of an RRset as lines that a person edits: an item a line, text as it is and all else as JSON. Text that a reader could take for
// JSON, or could not see whole, is JSON as well.

export function linesFromData(data: readonly unknown[]): string {
  return data.map(lineFor).join('\n')
}

/** Throws a SyntaxError that names the line. Lines without anything on them say nothing. */
export function dataFromLines(lines: string): unknown[] {
  return lines.split('\n').flatMap((line, i) => {
    const text = line.trim()
    if (text === '') return []
    if (!/^[[{"]/.test(text)) return [text]
    try {
      return [JSON.parse(text) as unknown]
    } catch (cause) {
      throw new SyntaxError(`line ${i + 1} begins like JSON and is none`, { cause })
    }
  })
}

/** One item, for reading: as a zone file would have it, more or less. */
export function readable(item: unknown): string {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) return lineFor(item)
  const { address, weight, ...rest } = item as Record<string, unknown>
  if (address !== undefined) return `${text(address)} weight ${text(weight)}`
  return Object.values(weight === undefined ? rest : item)
    .map(text)
    .join(' ')
}

function text(value: unknown): string {
  return typeof value === 'string' && value !== '' ? visibleText(value) : visibleText(JSON.stringify(value) ?? '')
}

/** One item as a line. */
function lineFor(item: unknown): string {
  const isPlain =
    typeof item === 'string' && item !== '' && item === item.trim() && !/^[[{"]/.test(item) && !hasUnseen(item)
  return isPlain ? item : visibleText(JSON.stringify(item))
}
