import { spawnSync } from 'node:child_process'
import type { Bench, PartReport } from '../bench.js'

/** What a datagram costs by what it asks for: the slowest ones that we know of, beside a normal one. */
export async function costsPart(bench: Bench): Promise<PartReport> {
  bench.progress('costs')
  const { stdout, status } = spawnSync(process.execPath, [QUERIES], { encoding: 'utf8' })
  if (status !== 0) throw new Error('the costs of queries could not be measured')
  return {
    title: 'answering alone, and as multiples of a whole normal query',
    text: stdout.trimEnd(),
    figures: stdout.split('\n'),
  }
}

/** A process of its own, so that it is compiled as if there were nothing else. */
const QUERIES = new URL('queries.js', import.meta.url).pathname
