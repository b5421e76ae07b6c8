/** Columns for people, two spaces apart; numbers to the right. Without rows, only what is said of that. */
export function table(
  columns: readonly string[],
  rows: readonly (readonly (string | number)[])[],
  none = 'none',
): string {
  if (rows.length === 0) return `${none}\n`
  const cells = [columns, ...rows].map((row) => row.map((cell) => printable(String(cell))))
  const widths = columns.map((_, i) => Math.max(...cells.map((row) => row[i]!.length)))
  const isNumber = columns.map((_, i) => rows.every((row) => typeof row[i] === 'number'))
  return cells
    .map((row) =>
      row
        .map((cell, i) => (isNumber[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('')
}

/** What a record holds must not tell a terminal what to do. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) => `\\${String(character.charCodeAt(0)).padStart(3, '0')}`)
}
