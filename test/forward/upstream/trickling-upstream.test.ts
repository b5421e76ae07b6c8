import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { describe, expect, it, vi } from 'vitest'
import { ReplyFrames } from '../../../lib/forward/upstream/reply-frames.js'
import { startTestUpstream } from '../../../lib/testing/upstream/test-upstream.js'
import { openUpstreams } from '../../support/ask-upstreams.js'
import { eventually } from '../../support/eventually.js'
import { framed } from '../../support/tcp-client.js'

const GOOD = { kind: 'reply', rcode: 0 }
const LARGEST = 65_535

/** A TCP server that begins a reply of 64 KiB on some of its connections, and goes on with it octet by octet; the others lead to a good one. */
async function startTrickling(isTrickled: (connection: number) => boolean) {
  const good = await startTestUpstream({ answer: ({ name }) => ({ answer: [{ name, type: 'A', data: '192.0.2.1' }] }) })
  const sockets: Socket[] = []
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => {})
    if (isTrickled(sockets.length)) trickle(socket)
    else relay(socket, good.port)
    sockets.push(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    place: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** All that there have been. */
    sockets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
      await good.close()
    },
  }
}

function trickle(socket: Socket): void {
  let timer: NodeJS.Timeout | undefined
  socket.once('data', (query) => {
    // Of the right length, ID and question, so that there is nothing to be held against it.
    socket.write(Uint8Array.of(0xff, 0xff, query[2]!, query[3]!))
    timer = setInterval(() => socket.write(Uint8Array.of(0)), 5)
  })
  socket.on('close', () => clearInterval(timer))
}

function relay(socket: Socket, port: number): void {
  const other = connect(port, '127.0.0.1')
  other.on('error', () => socket.destroy())
  other.on('close', () => socket.destroy())
  socket.on('close', () => other.destroy())
  socket.pipe(other).pipe(socket)
}

describe('an upstream that sends its reply octet by octet', () => {
  it('holds no query beyond its time, and no connection: what does not end is closed with the last query on it', async () => {
    await using server = await startTrickling(() => true)
    await using forward = openUpstreams({ upstreams: [server.place], tryTimeoutMs: 100, timeoutMs: 300 })
    expect(await forward.ask('www.example')).toMatchObject({ kind: 'failed' })
    const opened = [...server.sockets]
    expect(opened.length).toBeGreaterThan(0)
    // The trickle goes on, and would for minutes.
    await eventually(() => expect(opened.map(({ destroyed }) => destroyed)).not.toContain(false))
  })

  it('on one connection is asked on another, while queries go on coming', async () => {
    await using server = await startTrickling((connection) => connection === 0)
    await using forward = openUpstreams({ upstreams: [server.place], tryTimeoutMs: 300, timeoutMs: 2_000 })
    await eventually(async () => expect(await forward.ask('www.example')).toMatchObject(GOOD))
    await eventually(() => expect(server.sockets[0]!.destroyed).toBe(true))
  })

  it('has each octet copied once, and room for one message taken once', () => {
    const message = new Uint8Array(LARGEST).map((_, i) => i)
    const stream = framed(Buffer.from(message))
    const frames = new ReplyFrames()
    const setting = vi.spyOn(Object.getPrototypeOf(Uint8Array.prototype), 'set')
    let copied = 0
    let whole: Uint8Array | undefined
    try {
      for (let at = 0; at < stream.length; at++) {
        frames.feed(stream.subarray(at, at + 1))
        whole ??= frames.next()
      }
      copied = setting.mock.calls.reduce((total, [part]) => total + (part as Uint8Array).length, 0)
    } finally {
      setting.mockRestore()
    }
    expect(Buffer.from(whole!).equals(Buffer.from(message))).toBe(true)
    expect(copied).toBeLessThanOrEqual(stream.length)
    expect(frames.next()).toBeUndefined()
  })
})
