import { connect, type Socket } from 'node:net'
import { DnstapMessages } from './dnstap-message.js'
import type { Exchange } from './exchange.js'
import type { ExportControl } from './export-control.js'
import { ControlFrameReader, controlFrame, DATA_HEAD_SIZE, FrameControl } from './frame-stream.js'
import type { ParsedDnstap } from './options.js'
import { OutputBuffer } from './output-buffer.js'
import { NONE } from './ring-layout.js'

/** Of each half: 5 000 usual queries with their responses, for a reader that is away for a moment. */
const BUFFER_BYTES = 2 ** 20
/** How long a reader may take to be there, and to say that it takes what we have. */
const HANDSHAKE_MS = 5_000
/** How long one that has been told to stop may take to say that it has. */
const FINISH_MS = 300
const FIRST_DELAY_MS = 100
const LONGEST_DELAY_MS = 10_000

/** Sends dnstap to a reader that may come and go. Belongs to the export thread. */
export class DnstapSender {
  readonly #options: ParsedDnstap
  readonly #control: ExportControl
  readonly #onState: (failure: Error | undefined) => void
  readonly #messages: DnstapMessages
  readonly #output = new OutputBuffer(BUFFER_BYTES, false, (bytes, items) => this.#send(bytes, items))
  #socket: Socket | undefined
  #isStarted = false
  #isClosed = false
  #failures = 0
  #timer: NodeJS.Timeout | undefined
  #onFinish = () => {}
  #onGone = () => {}

  /** `onState` is told when the reader is there, and when it is not any more; of attempts in between, nothing. */
  constructor(options: ParsedDnstap, control: ExportControl, onState: (failure: Error | undefined) => void) {
    this.#options = options
    this.#control = control
    this.#onState = onState
    this.#messages = new DnstapMessages(options.identity, options.version)
    this.#connect()
  }

  /** Counts what finds no room. A query and its response are two messages. */
  add(exchange: Exchange): void {
    const { query, response } = exchange
    const most = 2 * DATA_HEAD_SIZE + this.#messages.maxBytes(query.length) + this.#messages.maxBytes(response.length)
    const start = this.#output.claim(most)
    if (start === NONE) {
      this.#control.count('dnstapLost', 1)
      return
    }
    const { bytes } = this.#output
    let end = start
    // What an upstream has answered comes apart from what it was asked.
    if (query.length > 0 || !exchange.isWithUpstream) {
      end = this.#messages.writeQuery(exchange, bytes, start + DATA_HEAD_SIZE)
      bytes.writeUInt32BE(end - start - DATA_HEAD_SIZE, start)
    }
    if (response.length > 0) {
      const second = end
      end = this.#messages.writeResponse(exchange, bytes, second + DATA_HEAD_SIZE)
      bytes.writeUInt32BE(end - second - DATA_HEAD_SIZE, second)
    }
    this.#output.add(end)
  }

  /** After some have been added. */
  flush(): void {
    this.#output.flush()
  }

  /** Sends what is left, if there is a reader, and takes leave of it. */
  async close(): Promise<void> {
    await withinTime(this.#output.settled(), FINISH_MS)
    this.#isClosed = true
    clearTimeout(this.#timer)
    const socket = this.#socket
    if (this.#isStarted && socket !== undefined) {
      const finished = new Promise<void>((resolve) => {
        this.#onFinish = resolve
      })
      socket.write(controlFrame(FrameControl.STOP))
      await withinTime(finished, FINISH_MS)
    }
    this.#control.count('dnstapLost', this.#output.clear())
    socket?.destroy()
  }

  #connect(): void {
    const frames = new ControlFrameReader()
    const socket = connect(this.#options.reader)
    this.#socket = socket
    let failure = new Error('the reader has closed the connection')
    this.#timer = setTimeout(() => socket.destroy(new Error('the reader did not accept in time')), HANDSHAKE_MS)
    socket.on('connect', () => socket.write(controlFrame(FrameControl.READY)))
    socket.on('data', (chunk) => {
      frames.feed(chunk)
      for (let type = frames.next(); type !== undefined; type = frames.next()) this.#onControl(type)
      if (frames.failed) socket.destroy(new Error('the reader does not speak Frame Streams of dnstap'))
    })
    // 'close' comes next.
    socket.on('error', (error) => {
      failure = error
    })
    socket.on('close', () => this.#onClose(failure))
  }

  #onControl(type: number): void {
    if (type === FrameControl.FINISH) this.#onFinish()
    if (type !== FrameControl.ACCEPT || this.#isStarted) return
    clearTimeout(this.#timer)
    this.#socket!.write(controlFrame(FrameControl.START))
    this.#isStarted = true
    this.#output.isReady = true
    this.#failures = 0
    this.#control.isConnected = true
    this.#onState(undefined)
    this.flush()
  }

  #onClose(failure: Error): void {
    clearTimeout(this.#timer)
    const wasStarted = this.#isStarted
    this.#isStarted = false
    this.#output.isReady = false
    this.#control.isConnected = false
    this.#onFinish()
    this.#onGone()
    if (this.#isClosed) return
    // A reader that is not there yet is news once, too.
    if (wasStarted || this.#failures === 0) this.#onState(failure)
    const delayMs = Math.min(FIRST_DELAY_MS * 2 ** this.#failures, LONGEST_DELAY_MS)
    this.#failures++
    this.#timer = setTimeout(() => this.#connect(), delayMs)
  }

  /** Resolves when the system has taken all; where the reader goes away meanwhile, how much of it came is not known. */
  async #send(bytes: Buffer, items: number): Promise<void> {
    const socket = this.#socket
    const isSent = await new Promise<boolean>((resolve) => {
      this.#onGone = () => resolve(false)
      if (!this.#isStarted) resolve(false)
      else socket!.write(bytes, (error) => resolve(error == null))
    })
    this.#onGone = () => {}
    this.#control.count(isSent ? 'dnstapWritten' : 'dnstapLost', items)
  }
}

async function withinTime(done: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([done, late])
  clearTimeout(timer)
}
