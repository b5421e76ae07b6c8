import { BATCH_SIZE } from '../datagram-transport.js'
import { FRAME_SIZE } from './frame-layout.js'

/**
 * The memory of one rx queue: frames, the four rings that the kernel shares with us, and words of our own. One SharedArrayBuffer, of
 * which the main thread has the kernel's pages take the place (`xdp-socket.ts`).
 *
 *   | frames to receive into | frames to send from | scratch | rx ring | tx ring | fill ring | completion ring | words |
 *
 * Who has a frame is said by this memory alone, never by what a thread remembers, so that a thread that dies takes none with it:
 *
 *   to receive into   fill ring → kernel → rx ring → list of those in hand, and back. The next thread gives back what is still in hand, and
 *                     does not read it again: the query of which a thread died would be the death of each.
 *   to send from      free list → tx ring → kernel → completion ring, and back. One leaves the free list once it is in the tx ring.
 *
 * The scratch frame takes the response for which there is none to send from. It is never sent.
 */
export interface QueueLayout {
  readonly receiveFrames: number
  readonly sendFrames: number
  /** From the start of the frames, which is that of a page. */
  readonly framesStart: number
  readonly framesBytes: number
  readonly rx: RingLayout
  readonly tx: RingLayout
  readonly fill: RingLayout
  readonly completion: RingLayout
  readonly wordsStart: number
  readonly totalBytes: number
}

/** Offsets are from the start of the memory. */
export interface RingLayout {
  readonly entries: number
  /** Where its pages start and how many bytes they are. */
  readonly start: number
  readonly bytes: number
  readonly producer: number
  readonly consumer: number
  readonly flags: number
  readonly descriptors: number
}

/** What XDP_MMAP_OFFSETS says of a ring: where things are in its pages. */
export interface RingOffsets {
  readonly producer: number
  readonly consumer: number
  readonly flags: number
  readonly descriptors: number
}

export interface KernelOffsets {
  readonly rx: RingOffsets
  readonly tx: RingOffsets
  readonly fill: RingOffsets
  readonly completion: RingOffsets
}

/** Of the rx and tx rings: | address u64 | length u32 | options u32 |. The other two hold addresses alone. */
export const DESCRIPTOR_SIZE = 16
export const ADDRESS_SIZE = 8

/** A batch is answered while the one before it is still with the driver. */
const LEAST_SEND_FRAMES = 128
const SEND_SHARE = 8

/** `frames` is a power of 2; `bufferStart` the address of the buffer. */
export function layOutQueue(
  frames: number,
  offsets: KernelOffsets,
  pageSize: number,
  bufferStart: number,
): QueueLayout {
  const sendFrames = Math.max(LEAST_SEND_FRAMES, frames / SEND_SHARE)
  const receiveFrames = frames - sendFrames
  const pages = (bytes: number) => Math.ceil(bytes / pageSize) * pageSize
  let next = (pageSize - (bufferStart % pageSize)) % pageSize
  const take = (bytes: number) => {
    const start = next
    next += pages(bytes)
    return start
  }
  const ring = (entries: number, entrySize: number, of: RingOffsets): RingLayout => {
    const bytes = of.descriptors + entries * entrySize
    const start = take(bytes)
    const at = { producer: start + of.producer, consumer: start + of.consumer, flags: start + of.flags }
    return { entries, start, bytes, ...at, descriptors: start + of.descriptors }
  }
  const framesBytes = pages((frames + 1) * FRAME_SIZE)
  const framesStart = take(framesBytes)
  const layout = {
    ...{ receiveFrames, sendFrames, framesStart, framesBytes },
    rx: ring(frames, DESCRIPTOR_SIZE, offsets.rx),
    tx: ring(sendFrames, DESCRIPTOR_SIZE, offsets.tx),
    fill: ring(frames, ADDRESS_SIZE, offsets.fill),
    completion: ring(sendFrames, ADDRESS_SIZE, offsets.completion),
  }
  const wordsStart = take(4 * (FREE_LIST + sendFrames))
  return { ...layout, wordsStart, totalBytes: next }
}

/** Room for a queue, wherever its buffer comes to lie. */
export function queueBytes(frames: number, offsets: KernelOffsets, pageSize: number): number {
  return layOutQueue(frames, offsets, pageSize, 0).totalBytes + pageSize
}

/**
 * Words of our own: those of the list of free frames to send from, which is a ring as the others are, and what is counted. Counters are
 * written by the thread that serves the queue, wrap, and are read by the main thread.
 */
export const Word = {
  freeProducer: 0,
  freeConsumer: 1,
  received: 2,
  sent: 3,
  /** Datagrams for us that are malformed; see `frame-reader.ts`. */
  malformed: 4,
  badChecksum: 5,
  /** From an address or port that nobody can be answered at. */
  unanswerable: 6,
  /** Responses for which there was no frame, or that the kernel did not take in time. */
  notSent: 7,
  /** Descriptors from the kernel that are outside of our memory. */
  badDescriptors: 8,
  /** How many frames are in hand. */
  inHand: 9,
  /** Of what was read ahead, so that reading it is not left out; means nothing. */
  fetched: 10,
} as const
export const WORD_COUNT = 16
/** Behind the words: the frames in hand, and then the free ones to send from. */
export const IN_HAND_LIST = WORD_COUNT
export const FREE_LIST = IN_HAND_LIST + BATCH_SIZE
