import {
  BATCH_SIZE,
  type DatagramHandler,
  MAX_RESPONSE_SIZE,
  type RequestBatch,
  type XdpListener,
  type XdpQueueEndpoint,
} from '../datagram-transport.js'
import type { Libc } from '../libc.js'
import { MSG_DONTWAIT } from '../linux-constants.js'
import {
  FRAME_SIZE,
  IPV4_DESTINATION,
  IPV4_SIZE,
  IPV4_SOURCE,
  IPV6_DESTINATION,
  IPV6_SIZE,
  IPV6_SOURCE,
  UDP_DESTINATION,
  UDP_SIZE,
  UDP_SOURCE,
} from './frame-layout.js'
import { FrameReader, Verdict } from './frame-reader.js'
import { FrameWriter } from './frame-writer.js'
import { LateRoutes } from './late-routes.js'
import { FREE_LIST, IN_HAND_LIST, Word } from './queue-memory.js'
import { AddressRing, DescriptorRing } from './ring.js'

/** Receives, has answered and sends on one rx queue, without a copy. Belongs to the thread that made it; memory and descriptor are the main thread's. */
export class XdpQueue {
  readonly #libc: Libc
  readonly #endpoint: XdpQueueEndpoint
  readonly #view: DataView
  readonly #frameWords: Int32Array
  readonly #reader: FrameReader
  readonly #writer: FrameWriter
  readonly #rx: DescriptorRing
  readonly #tx: DescriptorRing
  readonly #fill: AddressRing
  readonly #completion: AddressRing
  readonly #words: Int32Array
  readonly #freeMask: number
  readonly #receiveBytes: number
  readonly #sendBytes: number
  /** The frame that takes what cannot be sent. */
  readonly #scratch: number
  // A frame is never larger than the interface takes: what needs more is truncated, and asked for again over TCP.
  readonly #capacityIpv4: number
  readonly #capacityIpv6: number
  readonly #routes: LateRoutes
  readonly #batch: RequestBatch & { count: number }
  // Of the requests of a batch: where their frames begin and how long these are, where their IP headers begin, and which are of IPv6.
  readonly #frames = new Int32Array(BATCH_SIZE)
  readonly #frameLengths = new Int32Array(BATCH_SIZE)
  readonly #networks = new Int32Array(BATCH_SIZE)
  readonly #areIpv6 = new Uint8Array(BATCH_SIZE)
  /** Frames of a batch by their verdicts. */
  readonly #verdicts = new Int32Array(Object.keys(Verdict).length)
  #notSent = 0
  #badDescriptors = 0

  constructor(libc: Libc, endpoint: XdpQueueEndpoint, listeners: readonly XdpListener[]) {
    const { memory, layout } = endpoint
    this.#libc = libc
    this.#endpoint = endpoint
    this.#view = new DataView(memory, layout.framesStart, layout.framesBytes)
    this.#frameWords = new Int32Array(memory, layout.framesStart, layout.framesBytes >>> 2)
    this.#reader = new FrameReader(this.#view)
    this.#writer = new FrameWriter(this.#view, this.#frameWords)
    this.#rx = new DescriptorRing(memory, layout.rx)
    this.#tx = new DescriptorRing(memory, layout.tx)
    this.#fill = new AddressRing(memory, layout.fill)
    this.#completion = new AddressRing(memory, layout.completion)
    this.#words = new Int32Array(memory, layout.wordsStart, FREE_LIST + layout.sendFrames)
    this.#freeMask = layout.sendFrames - 1
    this.#receiveBytes = layout.receiveFrames * FRAME_SIZE
    this.#sendBytes = layout.sendFrames * FRAME_SIZE
    this.#routes = new LateRoutes(listeners, endpoint.interfaceIndex)
    this.#scratch = this.#receiveBytes + this.#sendBytes
    this.#capacityIpv4 = Math.min(endpoint.mtu - IPV4_SIZE - UDP_SIZE, LARGEST_RESPONSE)
    this.#capacityIpv6 = Math.min(endpoint.mtu - IPV6_SIZE - UDP_SIZE, LARGEST_RESPONSE)
    const bytes = new Uint8Array(memory, layout.framesStart, layout.framesBytes)
    this.#batch = {
      bytes,
      count: 0,
      starts: new Uint32Array(BATCH_SIZE),
      lengths: new Uint32Array(BATCH_SIZE),
      clientAddress: (i, target) => this.#clientAddress(i, target),
      clientPort: (i) => this.#clientPort(i),
      serverAddress: (i, target) => this.#serverAddress(i, target),
      serverPort: (i) => this.#view.getUint16(this.#batch.starts[i]! - UDP_SIZE + UDP_DESTINATION),
      saveRoute: (i, target, at) => this.#routes.save(bytes, this.#networks[i]!, this.#areIpv6[i] === 1, target, at),
    }
    // Of a thread that has died.
    this.#giveBack()
  }

  /** Serves one batch and returns how many frames it had. */
  serve(handler: DatagramHandler): number {
    const rx = this.#rx
    const consumer = rx.consumer
    const received = Math.min((rx.producer - consumer) >>> 0, BATCH_SIZE)
    if (received === 0) return 0
    this.#takeSent()
    this.#read(this.#takeInHand(consumer, received))
    const sent = this.#batch.count === 0 ? 0 : this.#serveBatch(handler)
    this.#giveBack()
    this.#count(sent)
    return received
  }

  #serveBatch(handler: DatagramHandler): number {
    handler.beginBatch(this.#batch)
    const sent = this.#answerAll(handler)
    if (sent > 0) this.#kick()
    handler.endBatch(this.#notSent)
    return sent
  }

  /**
   * Takes the frames of a batch out of the rx ring. Returns how many of them are a piece of one of ours to receive into, as the kernel is to
   * name them: what is written by a wrong offset would be anybody's.
   */
  #takeInHand(consumer: number, received: number): number {
    const rx = this.#rx
    const words = this.#words
    const frames = this.#frames
    const frameLengths = this.#frameLengths
    const receiveBytes = this.#receiveBytes
    let inHand = 0
    let count = 0
    for (let i = 0; i < received; i++) {
      const start = rx.address(consumer + i)
      const length = rx.length(consumer + i)
      const isOurs = start >= 0 && start < receiveBytes
      if (isOurs) words[IN_HAND_LIST + inHand++] = start & ~(FRAME_SIZE - 1)
      if (!isOurs || length < 0 || (start & (FRAME_SIZE - 1)) + length > FRAME_SIZE) {
        this.#badDescriptors++
        continue
      }
      frames[count] = start
      frameLengths[count++] = length
    }
    // One right after the other: a thread is not ended in between, so that no frame is in both lists or in none.
    Atomics.store(words, Word.inHand, inHand)
    rx.consumer = (consumer + received) | 0
    return count
  }

  /** Puts together the batch: what is in the first `received` of `#frames`, as far as it is a datagram. */
  #read(received: number): void {
    const { starts, lengths } = this.#batch
    const frames = this.#frames
    this.#fetch(received)
    const reader = this.#reader
    let count = 0
    for (let i = 0; i < received; i++) {
      const start = frames[i]!
      const verdict = reader.read(start, this.#frameLengths[i]!)
      this.#verdicts[verdict]!++
      if (verdict !== Verdict.datagram) continue
      frames[count] = start
      this.#networks[count] = reader.network
      this.#areIpv6[count] = reader.isIpv6 ? 1 : 0
      starts[count] = reader.payload
      lengths[count] = reader.payloadLength
      count++
    }
    this.#batch.count = count
  }

  /**
   * Reads a word of each line of the cache that headers and a short query take: they were written by the core that received them, and are
   * on their way all at once then, where one frame after the other would wait for its own. The fewer instructions there are in between, the
   * more of them the processor asks for together.
   */
  #fetch(received: number): void {
    const frames = this.#frames
    const frameWords = this.#frameWords
    let sum = 0
    for (let i = 0; i < received; i++) {
      const at = frames[i]! >>> 2
      sum ^= frameWords[at]! ^ frameWords[at + CACHE_LINE_WORDS]!
    }
    this.#words[Word.fetched] = sum
  }

  /** Has responses written where they are sent from. Returns how many there are. */
  #answerAll(handler: DatagramHandler): number {
    const { bytes, count, lengths, starts } = this.#batch
    const words = this.#words
    const tx = this.#tx
    const writer = this.#writer
    const producer = tx.producer
    const consumer = words[Word.freeConsumer]!
    // No more than there are places in the tx ring, too: it has as many as there are frames.
    const free = (words[Word.freeProducer]! - consumer) >>> 0
    let sent = 0
    for (let i = 0; i < count; i++) {
      const frame = sent < free ? words[FREE_LIST + ((consumer + sent) & this.#freeMask)]! : this.#scratch
      const isIpv6 = this.#areIpv6[i] === 1
      const request = this.#frames[i]!
      const start = frame + SEND_OFFSET
      const payload = start + (starts[i]! - request)
      const capacity = isIpv6 ? this.#capacityIpv6 : this.#capacityIpv4
      const length = handler.answer(bytes, starts[i]!, lengths[i]!, bytes, payload, capacity)
      if (length <= 0) continue
      if (sent === free) {
        this.#notSent++
        continue
      }
      tx.write(producer + sent, start, writer.write(request, this.#networks[i]!, isIpv6, start, length))
      sent++
    }
    if (sent === 0) return 0
    // And here.
    tx.producer = (producer + sent) | 0
    Atomics.store(words, Word.freeConsumer, (consumer + sent) | 0)
    return sent
  }

  /** Has the kernel send what stands in the tx ring. What it has no room for now goes with the next batch. */
  #kick(): void {
    const tx = this.#tx
    for (let calls = 0; calls < MAX_KICKS && tx.needsWakeUp; calls++) {
      this.#libc.send(this.#endpoint.fd, 0, 0, MSG_DONTWAIT)
      // A driver that sends by itself is told once; in generic mode, a call sends a number of frames.
      if (this.#endpoint.isZeroCopy || tx.level === 0) return
    }
  }

  /** Takes back the frames that have been sent. */
  #takeSent(): void {
    const completion = this.#completion
    const consumer = completion.consumer
    const count = (completion.producer - consumer) >>> 0
    if (count === 0) return
    const words = this.#words
    let producer = words[Word.freeProducer]!
    for (let i = 0; i < count; i++) {
      const frame = completion.address(consumer + i) & ~(FRAME_SIZE - 1)
      if (frame < this.#receiveBytes || frame >= this.#receiveBytes + this.#sendBytes) {
        this.#badDescriptors++
        continue
      }
      words[FREE_LIST + (producer & this.#freeMask)] = frame
      producer = (producer + 1) | 0
    }
    Atomics.store(words, Word.freeProducer, producer)
    completion.consumer = (consumer + count) | 0
  }

  /** Gives the kernel what is in hand to receive into again. */
  #giveBack(): void {
    const fill = this.#fill
    const words = this.#words
    const count = words[Word.inHand]!
    const producer = fill.producer
    for (let i = 0; i < count; i++) fill.write(producer + i, words[IN_HAND_LIST + i]!)
    // One right after the other, as above.
    fill.producer = (producer + count) | 0
    Atomics.store(words, Word.inHand, 0)
  }

  #count(sent: number): void {
    const verdicts = this.#verdicts
    const taken = this.#batch.count
    this.#addTo(Word.received, taken)
    this.#addTo(Word.sent, sent)
    if (this.#notSent > 0) this.#addTo(Word.notSent, this.#notSent)
    if (this.#badDescriptors > 0) this.#addTo(Word.badDescriptors, this.#badDescriptors)
    this.#notSent = 0
    this.#badDescriptors = 0
    if (verdicts[Verdict.malformed]! > 0) this.#addTo(Word.malformed, verdicts[Verdict.malformed]!)
    if (verdicts[Verdict.badChecksum]! > 0) this.#addTo(Word.badChecksum, verdicts[Verdict.badChecksum]!)
    if (verdicts[Verdict.unanswerable]! > 0) this.#addTo(Word.unanswerable, verdicts[Verdict.unanswerable]!)
    for (let i = 0; i < verdicts.length; i++) verdicts[i] = 0
  }

  #addTo(word: number, count: number): void {
    Atomics.store(this.#words, word, this.#words[word]! + count)
  }

  #clientAddress(i: number, target: Uint8Array): number {
    const isIpv6 = this.#areIpv6[i] === 1
    return this.#copyAddress(this.#networks[i]! + (isIpv6 ? IPV6_SOURCE : IPV4_SOURCE), isIpv6 ? 16 : 4, target)
  }

  #serverAddress(i: number, target: Uint8Array): number {
    const isIpv6 = this.#areIpv6[i] === 1
    return this.#copyAddress(
      this.#networks[i]! + (isIpv6 ? IPV6_DESTINATION : IPV4_DESTINATION),
      isIpv6 ? 16 : 4,
      target,
    )
  }

  #copyAddress(start: number, length: number, target: Uint8Array): number {
    const { bytes } = this.#batch
    for (let at = 0; at < length; at++) target[at] = bytes[start + at]!
    return length
  }

  #clientPort(i: number): number {
    return this.#view.getUint16(this.#batch.starts[i]! - UDP_SIZE + UDP_SOURCE)
  }
}

const CACHE_LINE_WORDS = 16
/** Headers are 42 or 62 bytes, and 4 more with each VLAN tag: so that payloads begin on a word. */
const SEND_OFFSET = 2
/** With the longest headers, in one frame. */
const LARGEST_RESPONSE = Math.min(MAX_RESPONSE_SIZE, FRAME_SIZE - 128)
/** Before Linux 6.17 a call sends 32 frames; others are for a driver that is full at the moment. */
const MAX_KICKS = 8
