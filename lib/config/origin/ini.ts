import { faultAt } from '../../yaml-document.js'

/** One variable of a section, both in lower case, as gcfg compares them. */
export interface IniEntry {
  readonly section: string
  readonly key: string
  /** As it stands in the file, for messages. */
  readonly name: string
  readonly value: string
  readonly line: number
}

export interface Ini {
  /** In lower case; those with nothing in them too. */
  readonly sections: readonly string[]
  readonly entries: readonly IniEntry[]
}

/**
 * Reads INI as ContainerDNS does (gcfg): names in any case, comments behind `;` and `#`, values in double quotes with `\"`, `\\`, `\n` and `\t`, a
 * backslash at the end of a line that goes on, and a variable without a value that means true. Throws CDNS_CONFIG_INVALID with the line.
 */
export function readIni(file: string, text: string): Ini {
  const entries: IniEntry[] = []
  const sections: string[] = []
  let section: string | undefined
  for (const { line, number } of logicalLines(text)) {
    const fault = (reason: string) => faultAt('CDNS_CONFIG_INVALID', file, number, reason)
    const trimmed = line.trim()
    if (trimmed === '' || /^[;#]/.test(trimmed)) continue
    if (trimmed.startsWith('[')) {
      const match = /^\[\s*([A-Za-z][\w.-]*)\s*(?:"[^"]*"\s*)?\]\s*(?:[;#].*)?$/.exec(trimmed)
      if (match === null) throw fault('a section must be like [Dns]')
      section = match[1]!.toLowerCase()
      sections.push(section)
      continue
    }
    const match = /^([A-Za-z][\w-]*)\s*(?:=(.*)|[;#].*)?$/.exec(trimmed)
    if (match === null) throw fault('a line must be like name = value')
    if (section === undefined) throw fault(`${match[1]} stands before the first section`)
    const value = match[2] === undefined ? 'true' : unquoted(match[2], fault)
    entries.push({ section, key: match[1]!.toLowerCase(), name: match[1]!, value, line: number })
  }
  return { sections, entries }
}

function* logicalLines(text: string): Generator<{ line: string; number: number }> {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/)
  for (let i = 0; i < lines.length; i++) {
    const number = i + 1
    let line = lines[i]!
    while (/(?<!\\)(?:\\\\)*\\$/.test(line) && i + 1 < lines.length) line = line.slice(0, -1) + lines[++i]!
    yield { line, number }
  }
}

const ESCAPES: Readonly<Record<string, string>> = { '"': '"', '\\': '\\', n: '\n', t: '\t', b: '\b' }

function unquoted(text: string, fault: (reason: string) => Error): string {
  let value = ''
  /** Spaces outside of quotes count only when something follows. */
  let spaces = ''
  let isQuoted = false
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!
    if (character === '"') {
      isQuoted = !isQuoted
      value += spaces
      spaces = ''
    } else if (!isQuoted && (character === ';' || character === '#')) break
    else if (!isQuoted && /\s/.test(character)) spaces += value === '' ? '' : character
    else {
      value += spaces
      spaces = ''
      if (character !== '\\') value += character
      else {
        const escaped = ESCAPES[text[++i] ?? '']
        if (escaped === undefined)
          throw fault(`a backslash goes with one of " \\ n t b, got ${JSON.stringify(text[i] ?? '')}`)
        value += escaped
      }
    }
  }
  if (isQuoted) throw fault('a double quote has no end')
  return value
}
