import type { EventLoopControl } from './datagram-transport.js'

/** An event loop that is well ticks this often. Each wake-up of an idle thread costs about 0.1 ms of CPU. */
const TICK_MS = 250

/** Ticks on the thread's event loop, and resolves when told to stop. `onTick` is called each time. */
export function untilStopped(control: EventLoopControl, onTick: () => void = () => {}): Promise<void> {
  if (!control.tick()) return Promise.resolve()
  return new Promise((resolve) => {
    const end = () => {
      clearInterval(timer)
      resolve()
    }
    const timer = setInterval(() => {
      onTick()
      if (!control.tick()) end()
    }, TICK_MS)
    // The timer keeps the event loop alive, without which this would not be heard of.
    void control.stopped().then(end)
  })
}
