import { MAX_WAIT_MS, type ServeControl } from './datagram-transport.js'

/** Ticks twice as often as it must: timers come late when the loop is busy. */
const TICK_MS = MAX_WAIT_MS / 2

/** Ticks on the thread's event loop, and resolves when told to stop. `onTick` is called each time. */
export function untilStopped(control: ServeControl, onTick: () => void = () => {}): Promise<void> {
  if (!control.tick()) return Promise.resolve()
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      onTick()
      if (control.tick()) return
      clearInterval(timer)
      resolve()
    }, TICK_MS)
  })
}
