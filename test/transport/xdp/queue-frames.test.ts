import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BATCH_SIZE, type DatagramHandler, type XdpQueueEndpoint } from '../../../lib/transport/datagram-transport.js'
import type { Libc } from '../../../lib/transport/libc.js'
import { FRAME_SIZE } from '../../../lib/transport/xdp/frame-layout.js'
import { FREE_LIST, layOutQueue, type QueueLayout, queueBytes, Word } from '../../../lib/transport/xdp/queue-memory.js'
import { AddressRing, DescriptorRing } from '../../../lib/transport/xdp/ring.js'
import { XdpQueue } from '../../../lib/transport/xdp/xdp-queue.js'
import { buildFrame } from './raw-frames.js'

const FRAMES = 256
const RING = { producer: 0, consumer: 64, flags: 128, descriptors: 192 }
const OFFSETS = { rx: RING, tx: RING, fill: RING, completion: RING }
const HEADROOM = 256

const QUERY = buildFrame({
  ...{ destinationMac: Uint8Array.of(2, 0, 0, 0, 0, 1), sourceMac: Uint8Array.of(2, 0, 0, 0, 0, 2) },
  ...{ source: '192.0.2.2', destination: '192.0.2.1', sourcePort: 4000, destinationPort: 53 },
  payload: Buffer.from('a query'),
})

/** The other end of the rings, as the kernel has it; what it gives back, and when, is up to the test. */
class Kernel {
  readonly layout: QueueLayout = layOutQueue(FRAMES, OFFSETS, 4096, 0)
  readonly memory = new SharedArrayBuffer(queueBytes(FRAMES, OFFSETS, 4096))
  readonly rx = new DescriptorRing(this.memory, this.layout.rx)
  readonly tx = new DescriptorRing(this.memory, this.layout.tx)
  readonly fill = new AddressRing(this.memory, this.layout.fill)
  readonly completion = new AddressRing(this.memory, this.layout.completion)
  readonly words = new Int32Array(this.memory, this.layout.wordsStart, FREE_LIST + this.layout.sendFrames)
  readonly bytes = new Uint8Array(this.memory, this.layout.framesStart, this.layout.framesBytes)
  /** Frames that it has taken out of the tx ring and not given back. */
  readonly sending: number[] = []

  constructor(startAt = 0) {
    const { receiveFrames, sendFrames } = this.layout
    for (const ring of [this.rx, this.tx, this.fill, this.completion]) {
      ring.producer = startAt | 0
      ring.consumer = startAt | 0
    }
    for (let i = 0; i < receiveFrames; i++) this.fill.write(startAt + i, i * FRAME_SIZE)
    this.fill.producer = (startAt + receiveFrames) | 0
    for (let i = 0; i < sendFrames; i++) this.words[FREE_LIST + i] = (receiveFrames + i) * FRAME_SIZE
    this.words[Word.freeProducer] = sendFrames
  }

  get endpoint(): XdpQueueEndpoint {
    const { memory, layout } = this
    return { fd: -1, memory, layout, isZeroCopy: false, interfaceIndex: 1, mtu: 1500 }
  }

  /** Receives frames as far as there are any to receive into. */
  receive(count: number, frame: Uint8Array = QUERY): void {
    for (let i = 0; i < count && this.fill.level > 0; i++) {
      const address = this.fill.address(this.fill.consumer)
      this.fill.consumer = (this.fill.consumer + 1) | 0
      this.bytes.set(frame, address + HEADROOM)
      this.announce(address + HEADROOM, frame.length)
    }
  }

  announce(address: number, length: number): void {
    this.rx.write(this.rx.producer, address, length)
    this.rx.producer = (this.rx.producer + 1) | 0
  }

  /** Takes what is to be sent, at most so much. */
  take(count: number): void {
    for (let i = 0; i < count && this.tx.level > 0; i++) {
      this.sending.push(this.tx.address(this.tx.consumer))
      this.tx.consumer = (this.tx.consumer + 1) | 0
    }
  }

  giveBack(count: number): void {
    for (const address of this.sending.splice(0, count)) {
      this.completion.write(this.completion.producer, address)
      this.completion.producer = (this.completion.producer + 1) | 0
    }
  }

  /** All frames, wherever they are: sorted, so that one that is twice or nowhere shows. */
  frames(): number[] {
    const found: number[] = this.sending.map(frameOf)
    for (const ring of [this.fill, this.completion, this.rx, this.tx]) {
      for (let i = 0; i < ring.level; i++) found.push(frameOf(ring.address(ring.consumer + i)))
    }
    const { freeProducer, freeConsumer } = Word
    const free = (this.words[freeProducer]! - this.words[freeConsumer]!) >>> 0
    for (let i = 0; i < free; i++) {
      found.push(this.words[FREE_LIST + ((this.words[freeConsumer]! + i) & (this.layout.sendFrames - 1))]!)
    }
    return found.sort((a, b) => a - b)
  }
}

const frameOf = (address: number) => address & ~(FRAME_SIZE - 1)
const ALL_FRAMES = Array.from({ length: FRAMES }, (_, i) => i * FRAME_SIZE)

const libc = { send: () => 0 } as unknown as Libc

/** Answers each request with itself, but for those that it drops. */
function echo(drops: (i: number) => boolean = () => false): DatagramHandler & { answered: number } {
  let i = 0
  const handler = {
    answered: 0,
    beginBatch() {},
    answer(request: Uint8Array, start: number, length: number, response: Uint8Array, at: number) {
      if (drops(i++)) return 0
      handler.answered++
      response.set(request.subarray(start, start + length), at)
      return length
    },
    endBatch() {},
  }
  return handler
}

const DEADLY: DatagramHandler = {
  beginBatch() {},
  answer() {
    throw new Error('dead')
  },
  endBatch() {},
}

const step = fc.oneof(
  fc.record({ type: fc.constant('receive' as const), count: fc.integer({ min: 1, max: 200 }) }),
  fc.record({ type: fc.constant('serve' as const), count: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ type: fc.constant('take' as const), count: fc.integer({ min: 1, max: 100 }) }),
  fc.record({ type: fc.constant('giveBack' as const), count: fc.integer({ min: 1, max: 100 }) }),
  // The thread dies of a query, if there is one, and another thread goes on with what it left.
  fc.record({ type: fc.constant('die' as const), count: fc.constant(1) }),
)

describe('the frames of a queue', () => {
  it('are each in one place at any time, whatever the kernel and the thread do, also when the indices wrap', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.constantFrom(0, 0xffff_ff00), (steps, startAt) => {
        const kernel = new Kernel(startAt)
        const handler = echo((i) => i % 5 === 0)
        let queue = new XdpQueue(libc, kernel.endpoint, [])
        for (const { type, count } of steps) {
          if (type === 'receive') kernel.receive(count)
          else if (type === 'take') kernel.take(count)
          else if (type === 'giveBack') kernel.giveBack(count)
          else if (type === 'die') {
            const waiting = kernel.rx.level
            if (waiting > 0) expect(() => queue.serve(DEADLY)).toThrow('dead')
            queue = new XdpQueue(libc, kernel.endpoint, [])
            // What it died of is not read again.
            expect(kernel.rx.level).toBe(Math.max(0, waiting - BATCH_SIZE))
          } else for (let i = 0; i < count; i++) queue.serve(handler)
          expect(kernel.frames()).toEqual(ALL_FRAMES)
        }
        const { sent, notSent, badDescriptors } = Word
        expect(kernel.words[sent]! + kernel.words[notSent]!).toBe(handler.answered)
        expect(kernel.words[badDescriptors]).toBe(0)
      }),
    )
  })

  it('are still answered from when none is free, and what cannot be sent is counted', () => {
    const kernel = new Kernel()
    const queue = new XdpQueue(libc, kernel.endpoint, [])
    const handler = echo()
    const { receiveFrames, sendFrames } = kernel.layout
    for (let round = 0; round < 2; round++) {
      kernel.receive(receiveFrames)
      while (queue.serve(handler) > 0);
    }
    expect(handler.answered).toBe(2 * receiveFrames)
    expect(kernel.words[Word.notSent]).toBe(2 * receiveFrames - sendFrames)
    expect(kernel.frames()).toEqual(ALL_FRAMES)
  })

  it.each([
    ['before the frames', -256, 100],
    ['behind them', FRAMES * FRAME_SIZE + 256, 100],
    ['where responses are', (FRAMES - 1) * FRAME_SIZE, 100],
    ['over the end of one', 256, FRAME_SIZE],
    ['of a length below 0', 256, -1],
  ])('are read from nowhere that is not theirs: %s', (_, address, length) => {
    const kernel = new Kernel()
    const queue = new XdpQueue(libc, kernel.endpoint, [])
    const handler = echo()
    const before = Buffer.from(kernel.bytes)
    // One of its own, so that what is announced wrongly is no second one.
    kernel.fill.consumer = 1
    kernel.announce(address, length)
    expect(queue.serve(handler)).toBe(1)
    expect(handler.answered).toBe(0)
    expect(kernel.words[Word.badDescriptors]).toBe(1)
    expect(Buffer.compare(before, kernel.bytes)).toBe(0)
  })

  it('are not taken back where the kernel names one that it was not given', () => {
    const kernel = new Kernel()
    const queue = new XdpQueue(libc, kernel.endpoint, [])
    kernel.completion.write(0, 0)
    kernel.completion.producer = 1
    kernel.receive(1)
    queue.serve(echo())
    expect(kernel.words[Word.badDescriptors]).toBe(1)
    expect(kernel.words[Word.freeProducer]).toBe(kernel.layout.sendFrames)
  })
})
