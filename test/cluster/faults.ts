const FIRST_LABEL = 12

/** Does what the first label of a query's question says: `exit`, `throw`, `hang`, `exhaust`; nothing for any other. */
export function obey(query: Uint8Array, start: number): void {
  const hoard: number[][] = []
  switch (labelAt(query, start + FIRST_LABEL)) {
    case 'exit':
      process.exit(7)
      break
    case 'throw':
      throw new Error('told to throw')
    case 'hang':
      for (;;);
    case 'exhaust':
      for (;;) hoard.push(new Array(1_000_000).fill(Math.random()))
  }
}

function labelAt(query: Uint8Array, at: number): string {
  return Buffer.from(query.slice(at + 1, at + 1 + (query[at] ?? 0))).toString('latin1')
}
