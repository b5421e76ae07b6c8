import { type Bench, Folders } from '../../bench/bench.js'
import { parseOptions } from '../../bench/options.js'
import { Processes } from '../../bench/processes/processes.js'

/** What the bench's servers and loads need, for soaks: measurements as long as said. Its processes end with the scope it is used in. */
export function soakBench(seconds: number, report: (line: string) => void): Bench & AsyncDisposable {
  const processes = new Processes()
  return {
    options: parseOptions(['--seconds', String(seconds), '--warm-up', '0.1'])!,
    processes,
    folders: new Folders(),
    progress: report,
    [Symbol.asyncDispose]: () => processes[Symbol.asyncDispose](),
  }
}
