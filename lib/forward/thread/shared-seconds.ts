/** Whole seconds of the one clock that all threads of a process have, which never steps back: what the answer cache goes by. */
export function sharedSeconds(): number {
  return process.hrtime()[0]
}
