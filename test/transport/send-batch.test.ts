import { constants } from 'node:os'
import { describe, expect, it } from 'vitest'
import { HEADER_SIZE } from '../../lib/transport/message-headers.js'
import { MAX_SEND_WAITS, type SendCalls, sendBatch } from '../../lib/transport/send-batch.js'

const { EAGAIN, EINTR, EINVAL, ENOBUFS, EPERM } = constants.errno

const FD = 7
const POLLFD = 0x1000
const HEADERS = 0x2000

/** A kernel with a script: each step is how many messages sendmmsg takes, or the errno that it fails with, negated. */
class ScriptedKernel implements SendCalls {
  readonly sent: number[] = []
  readonly polls: number[] = []
  readonly #script: number[]
  #errno = 0

  constructor(script: number[]) {
    this.#script = script
  }

  sendmmsg(fd: number, headers: number, count: number): number {
    expect(fd).toBe(FD)
    const step = this.#script.shift()
    if (step === undefined) throw new Error('sendmmsg was called after the end of the script')
    if (step < 0) {
      this.#errno = -step
      return -1
    }
    const first = (headers - HEADERS) / HEADER_SIZE
    const taken = Math.min(step, count)
    for (let i = 0; i < taken; i++) this.sent.push(first + i)
    return taken
  }

  poll(pollfds: number): number {
    this.polls.push(pollfds)
    return 0
  }

  errno(): number {
    return this.#errno
  }

  send(count: number): number {
    const failures = sendBatch(this, FD, POLLFD, HEADERS, count)
    expect(this.#script).toEqual([])
    return failures
  }
}

describe('sendBatch', () => {
  it('makes no call for no responses', () => {
    expect(new ScriptedKernel([]).send(0)).toBe(0)
  })

  it('goes on where a partial send stopped', () => {
    const kernel = new ScriptedKernel([2, 1, 4])
    expect(kernel.send(6)).toBe(0)
    expect(kernel.sent).toEqual([0, 1, 2, 3, 4, 5])
  })

  it('sends again after a signal', () => {
    const kernel = new ScriptedKernel([-EINTR, 3])
    expect(kernel.send(3)).toBe(0)
    expect(kernel.polls).toEqual([])
  })

  it.each([EPERM, EINVAL])('skips the one message that fails with errno %i', (errno) => {
    const kernel = new ScriptedKernel([1, -errno, 64])
    expect(kernel.send(4)).toBe(1)
    expect(kernel.sent).toEqual([0, 2, 3])
  })

  it('counts all when each of them fails', () => {
    expect(new ScriptedKernel([-EPERM, -EPERM, -EPERM]).send(3)).toBe(3)
  })

  it('waits until a full socket is writable', () => {
    const kernel = new ScriptedKernel([2, -EAGAIN, 64])
    expect(kernel.send(4)).toBe(0)
    expect(kernel.sent).toEqual([0, 1, 2, 3])
    expect(kernel.polls).toEqual([POLLFD])
  })

  it('waits without a socket for a queue below it, which poll does not see', () => {
    const kernel = new ScriptedKernel([-ENOBUFS, 64])
    expect(kernel.send(4)).toBe(0)
    expect(kernel.polls).toEqual([0])
  })

  it.each([EAGAIN, ENOBUFS])('gives the rest up when errno %i stays', (errno) => {
    const kernel = new ScriptedKernel([1, ...Array<number>(MAX_SEND_WAITS + 1).fill(-errno)])
    expect(kernel.send(5)).toBe(4)
    expect(kernel.polls).toHaveLength(MAX_SEND_WAITS)
  })

  it('counts skipped messages and those given up together', () => {
    const kernel = new ScriptedKernel([-EPERM, 1, ...Array<number>(MAX_SEND_WAITS + 1).fill(-EAGAIN)])
    expect(kernel.send(5)).toBe(4)
  })
})
