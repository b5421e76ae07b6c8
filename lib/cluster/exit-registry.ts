// The one piece of module state of the library. A thread that waits in poll() lets neither process.exit() nor an uncaught
// exception end the process: Node waits for the thread, and the thread for a packet. So at exit every thread is told to stop
// and woken. One listener serves all servers of the process: a listener each would have Node warn at the eleventh.

const stops = new Set<() => void>()

function stopAll(): void {
  for (const stop of stops) stop()
}

/** Has `stop` called when the process exits; it must be done when it returns. Gives back the way to take that back. */
export function registerForExit(stop: () => void): () => void {
  if (stops.size === 0) process.on('exit', stopAll)
  stops.add(stop)
  return () => {
    if (stops.delete(stop) && stops.size === 0) process.off('exit', stopAll)
  }
}
