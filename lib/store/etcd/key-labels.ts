import { MAX_LABEL_LENGTH, MAX_NAME_LENGTH } from '../../wire/constants.js'
import { foldByte } from '../../wire/name.js'

// Names as the layouts spell them in keys: the labels in reverse order, each a folder.

export const SLASH = 0x2f
const DOT = 0x2e

/** Folded labels of a key, from the root on; undefined where one is empty or too long. */
export function labelsOf(text: string): string[] | undefined {
  const labels = text.toLowerCase().split('/')
  for (const label of labels) if (label.length === 0 || label.length > MAX_LABEL_LENGTH) return undefined
  return labels
}

/** Whether these are characters that a label in a key may have. A dot would make two labels of one in every text that shows it. */
export function isKeyText(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x21 || code > 0x7e || code === DOT) return false
  }
  return true
}

/** The wire form of a name whose labels, a character for each octet, are given from the root on; undefined when they are too long for one. */
export function wireName(labels: readonly string[]): Uint8Array | undefined {
  let length = 1
  for (const label of labels) {
    if (label.length === 0 || label.length > MAX_LABEL_LENGTH) return undefined
    length += label.length + 1
  }
  if (length > MAX_NAME_LENGTH) return undefined
  const name = new Uint8Array(length)
  let position = 0
  for (let i = labels.length - 1; i >= 0; i--) {
    const label = labels[i]!
    name[position++] = label.length
    for (let j = 0; j < label.length; j++) name[position++] = label.charCodeAt(j)
  }
  return name
}

/** `example.org` as `org/example/`. `spell` says how an octet is written. */
export function reversedLabels(owner: Uint8Array, spell: (octet: number) => string = asItIs): string {
  let text = ''
  for (let position = 0; owner[position] !== 0; position += owner[position]! + 1) {
    let label = ''
    for (let i = position + 1; i <= position + owner[position]!; i++) label += spell(foldByte(owner[i]!))
    text = `${label}/${text}`
  }
  return text
}

function asItIs(octet: number): string {
  return String.fromCharCode(octet)
}

/** Whether something comes before the folder, and then the folder. */
export function endsWith(labels: readonly string[], folder: readonly string[]): boolean {
  const offset = labels.length - folder.length
  if (offset < 1) return false
  for (let i = 0; i < folder.length; i++) if (labels[offset + i] !== folder[i]) return false
  return true
}

/** The end of the range of all keys that begin with this, which ends with a slash. */
export function endOfFolder(folder: string): Buffer {
  const end = Buffer.from(folder, 'latin1')
  end[end.length - 1] = SLASH + 1
  return end
}
