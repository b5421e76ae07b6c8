/** Works on several at a time. Rejects with the first that failed once all that were begun have ended; the rest is left. */
export async function inLanes<T>(
  items: Iterable<T>,
  laneCount: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const rest = items[Symbol.iterator]()
  let hasFailed = false
  const lane = async () => {
    for (let next = rest.next(); next.done !== true && !hasFailed; next = rest.next()) {
      await work(next.value).catch((error: unknown) => {
        hasFailed = true
        throw error
      })
    }
  }
  const ended = await Promise.allSettled(Array.from({ length: laneCount }, lane))
  for (const lane of ended) if (lane.status === 'rejected') throw lane.reason
}
