import { afterEach, vi } from 'vitest'

const real = SharedArrayBuffer

/** Has the system refuse shared memory after so many more segments, until the test ends. */
export function limitSharedMemory(segments: number): void {
  let left = segments
  vi.stubGlobal(
    'SharedArrayBuffer',
    class {
      constructor(bytes: number) {
        if (left-- <= 0) throw new RangeError('Array buffer allocation failed')
        // biome-ignore lint/correctness/noConstructorReturn: the stub hands out the real thing
        return new real(bytes)
      }
    },
  )
}

afterEach(() => {
  vi.unstubAllGlobals()
})
