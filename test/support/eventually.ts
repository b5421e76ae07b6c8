/** How often we look: short against what tests wait for, long against a core shared with the server. */
const STEP_MS = 5

/**
 * Resolves to what `condition` gives once it neither throws nor gives false; a condition may be a bare claim or a block of
 * `expect`s. Rejects with what was wrong last once the deadline is over.
 */
export async function eventually<T>(condition: () => T | Promise<T>, timeoutMs = 10_000): Promise<T> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    try {
      const value = await condition()
      if (value !== false) return value
      if (performance.now() > deadline) throw new Error(`not so within ${timeoutMs} ms: ${condition}`)
    } catch (error) {
      if (performance.now() > deadline) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, STEP_MS))
  }
}
