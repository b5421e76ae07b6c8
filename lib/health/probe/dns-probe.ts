import { randomInt } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { type DnsCheck, type OnOutcome, outcomeOf, type ProbeOutcome, type RunningProbe } from './check.js'

/** RFC 1035 §4.1.1: QR, in the third octet of a header; the RCODE is the low half of the fourth. */
const FLAGS = 2
const QR = 0x80
const RCODE = 3
const RCODE_MASK = 0x0f
const QUESTION = 12
/** Case does not matter in names, so a server may answer in another one than it was asked in. */
const CASE_BIT = 0x20

/** Sends a query over a socket of its own, connected, so that the kernel lets nobody else answer and tells of a port that is closed. */
export function probeDns(address: string, check: DnsCheck, onOutcome: OnOutcome): RunningProbe {
  return new DnsProbe(address, check, onOutcome)
}

class DnsProbe implements RunningProbe {
  readonly #check: DnsCheck
  readonly #onOutcome: OnOutcome
  readonly #socket: Socket
  readonly #query: Buffer
  #isDone = false

  constructor(address: string, check: DnsCheck, onOutcome: OnOutcome) {
    this.#check = check
    this.#onOutcome = onOutcome
    this.#query = Buffer.from(check.query)
    this.#query.writeUInt16BE(randomInt(2 ** 16))
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4')
    this.#socket = socket
    socket.on('error', (error: NodeJS.ErrnoException) =>
      this.#finish(outcomeOf(error.code), error.code ?? error.message),
    )
    socket.on('message', (response) => this.#onMessage(response))
    socket.on('connect', () => {
      if (!this.#isDone) socket.send(this.#query)
    })
    socket.connect(check.port, address)
  }

  cancel(): void {
    if (this.#isDone) return
    this.#isDone = true
    this.#socket.close()
  }

  /** What does not answer our query may be from somebody who guesses: the right one may still come. */
  #onMessage(response: Buffer): void {
    if (!answers(response, this.#query)) return
    const rcode = response[RCODE]! & RCODE_MASK
    if (this.#check.rcodes.includes(rcode)) this.#finish('alive', '')
    else this.#finish('dead', `RCODE ${rcode}`)
  }

  #finish(outcome: ProbeOutcome, reason: string): void {
    if (this.#isDone) return
    this.cancel()
    this.#onOutcome(outcome, reason)
  }
}

/** Whether a response has the ID and the question of a query. Nothing behind the question is looked at. */
function answers(response: Buffer, query: Buffer): boolean {
  if (response.length < QUESTION || response.readUInt16BE() !== query.readUInt16BE()) return false
  if ((response[FLAGS]! & QR) === 0) return false
  // RFC 1035 §4.1.1 lets a server that could make nothing of a query answer with the header alone.
  if (response.length === QUESTION) return true
  if (response.length < query.length) return false
  for (let i = QUESTION; i < query.length; i++) {
    const difference = response[i]! ^ query[i]!
    if (difference !== 0 && (difference !== CASE_BIT || !isLetter(query[i]!))) return false
  }
  return true
}

function isLetter(byte: number): boolean {
  const lower = byte | CASE_BIT
  return lower >= 0x61 && lower <= 0x7a
}
