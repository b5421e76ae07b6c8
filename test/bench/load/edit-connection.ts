import type { Socket } from 'node:net'
import { ZONE } from '../names.js'

/** As little of HTTP as the API's answers need: what the load costs is not the server's. */
export class EditConnection {
  readonly #socket: Socket
  readonly #token: string
  #received = ''
  #answered: (status: number) => void = () => {}

  constructor(socket: Socket, token: string) {
    this.#token = token
    this.#socket = socket.setNoDelay(true).on('data', (bytes) => this.#read(bytes))
  }

  put(name: string, address: string): Promise<number> {
    const body = JSON.stringify({ ttl: 30, data: [address] })
    this.#socket.write(
      `PUT /v1/zones/${ZONE}/rrsets/${name}/A HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${this.#token}\r\n` +
        `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    )
    return new Promise((resolve) => {
      this.#answered = resolve
    })
  }

  close(): void {
    this.#socket.destroy()
  }

  #read(bytes: Buffer): void {
    this.#received += bytes.toString('latin1')
    const headEnd = this.#received.indexOf('\r\n\r\n')
    if (headEnd === -1) return
    const length = Number(/content-length: (\d+)/i.exec(this.#received)?.[1] ?? 0)
    if (this.#received.length < headEnd + 4 + length) return
    const status = Number(this.#received.slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length))
    this.#received = ''
    this.#answered(status)
  }
}
