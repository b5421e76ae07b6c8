import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { BatchUpstreamSockets } from '../../../lib/forward/upstream/batch-upstream-sockets.js'
import { DgramUpstreamSockets } from '../../../lib/forward/upstream/dgram-upstream-sockets.js'
import { openUpstreamSockets } from '../../../lib/forward/upstream/open-upstream-sockets.js'
import { MAX_WAITING_ON_PORT, NO_SOCKET, OpenPorts, PortPool } from '../../../lib/forward/upstream/port-pool.js'
import { SecureRandom } from '../../../lib/forward/upstream/secure-random.js'
import type { UpstreamSockets } from '../../../lib/forward/upstream/upstream-sockets.js'
import { parseUpstreams, plainUpstream } from '../../../lib/forward/upstream-address.js'
import { silentLogger } from '../../../lib/log.js'
import { DescriptorList } from '../../../lib/transport/descriptor-list.js'
import { loadLibc } from '../../../lib/transport/libc.js'
import { EFD_CLOEXEC, EFD_NONBLOCK } from '../../../lib/transport/linux-constants.js'
import { wakeUp } from '../../../lib/transport/wake-fd.js'
import { eventually } from '../../support/eventually.js'

interface Received {
  readonly socket: number
  readonly text: string
}

function handler() {
  const received: Received[] = []
  const unreachable: number[] = []
  return {
    ...{ received, unreachable },
    onDatagram: (socket: number, bytes: Uint8Array, length: number) =>
      received.push({ socket, text: Buffer.from(bytes.subarray(0, length)).toString() }),
    onUnreachable: (socket: number) => unreachable.push(socket),
  }
}

async function echo(host = '127.0.0.1') {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
  socket.on('message', (message, { port, address }) => socket.send(`${message}!`, port, address))
  socket.bind(0, host)
  await once(socket, 'listening')
  const { port } = socket.address()
  const [address] = parseUpstreams('upstreams', [host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`])
  return {
    socket,
    port,
    address: address!,
    [Symbol.asyncDispose]: () => new Promise<void>((end) => socket.close(() => end())),
  }
}

const KINDS: [string, (to: ReturnType<typeof handler>) => UpstreamSockets][] = [
  ['batch', (to) => new BatchUpstreamSockets(loadLibc(), to)],
  ['dgram', (to) => new DgramUpstreamSockets(to)],
]

function write(sockets: UpstreamSockets, text: string): number {
  return Buffer.from(sockets.outgoing.buffer, sockets.outgoing.byteOffset).write(text)
}

describe.each(KINDS)('sockets of the kind %s', (kind, make) => {
  it.each(['127.0.0.1', '::1'])(
    'send to %s and hand over what comes back, with the number of the socket',
    async (host) => {
      await using server = await echo(host)
      const to = handler()
      const sockets = make(to)
      expect(sockets.kind).toBe(kind)
      const [first, second] = [sockets.open(server.address, 3)!, sockets.open(server.address, 9)!]
      expect(first.send(write(sockets, 'one'))).toBe(true)
      expect(second.send(write(sockets, 'two'))).toBe(true)
      await eventually(() => {
        sockets.receive(0)
        expect(to.received).toHaveLength(2)
      })
      expect(to.received).toEqual(
        expect.arrayContaining([
          { socket: 3, text: 'one!' },
          { socket: 9, text: 'two!' },
        ]),
      )
      first.close()
      second.close()
      sockets.close()
    },
  )

  it('hear nobody but their upstream', async () => {
    await using server = await echo()
    const to = handler()
    const sockets = make(to)
    const socket = sockets.open(server.address, 0)!
    let port = 0
    server.socket.on('message', (_, from) => {
      port = from.port
    })
    socket.send(write(sockets, 'a'))
    await eventually(() => expect(port).toBeGreaterThan(0))
    await using stranger = await echo()
    await new Promise<void>((sent) => stranger.socket.send('forged', port, '127.0.0.1', () => sent()))
    socket.send(write(sockets, 'b'))
    await eventually(() => {
      sockets.receive(0)
      expect(to.received.map(({ text }) => text)).toEqual(['a!', 'b!'])
    })
    socket.close()
    sockets.close()
  })

  it('tell when nobody listens', async () => {
    const server = await echo()
    await server[Symbol.asyncDispose]()
    const to = handler()
    const sockets = make(to)
    const socket = sockets.open(server.address, 5)!
    await eventually(() => {
      if (to.unreachable.length === 0) socket.send(write(sockets, 'a'))
      sockets.receive(0)
      expect(to.unreachable[0]).toBe(5)
    })
    socket.close()
    sockets.close()
  })
})

describe('sockets of the kernel', () => {
  const descriptors = () => readdirSync('/proc/self/fd').length

  it('wait for datagrams, and are woken by an eventfd', () => {
    const libc = loadLibc()
    const fd = libc.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)
    const sockets = new BatchUpstreamSockets(libc, handler(), { wakeFd: fd })
    expect(sockets.receive(0)).toBe(false)
    wakeUp(libc, fd)
    // Were it not woken, it would be here for a minute.
    expect(sockets.receive(60_000)).toBe(true)
    // It wakes once.
    expect(sockets.receive(0)).toBe(false)
    sockets.close()
    libc.close(fd)
  })

  it('leave no descriptor open, also when their thread dies and another closes them', () => {
    const libc = loadLibc()
    const before = descriptors()
    const memory = DescriptorList.create(8)
    const sockets = new BatchUpstreamSockets(libc, handler(), { descriptors: new DescriptorList(memory) })
    const address = plainUpstream('127.0.0.1')
    const open = [0, 1, 2].map((number) => sockets.open(address, number)!)
    open[1]!.close()
    expect(descriptors()).toBe(before + 3)
    expect(new DescriptorList(memory).closeAll(libc)).toBe(3)
    expect(descriptors()).toBe(before)
    expect(new DescriptorList(memory).closeAll(libc)).toBe(0)
  })

  it('are what auto takes here, and dgram where it is asked for', () => {
    const open = (transport: 'auto' | 'batch' | 'dgram') =>
      openUpstreamSockets({ transport, logger: silentLogger }, handler())
    for (const transport of ['auto', 'batch', 'dgram'] as const) {
      const sockets = open(transport)
      expect(sockets.kind).toBe(transport === 'dgram' ? 'dgram' : 'batch')
      sockets.close()
    }
  })
})

describe('a pool of ports', () => {
  const SIZE = 4

  function pool() {
    const opened: number[] = []
    const closed: number[] = []
    const given = { isFull: false }
    const sockets: UpstreamSockets = {
      kind: 'dgram',
      outgoing: new Uint8Array(1),
      open: (_, number) => {
        if (given.isFull) return undefined
        opened.push(number)
        return { send: () => true, close: () => closed.push(number) }
      },
      canBeWoken: false,
      receive: () => false,
      close() {},
    }
    const open = new OpenPorts()
    return {
      ...{ opened, closed, given, open },
      ports: new PortPool(plainUpstream('192.0.2.1'), sockets, open, new SecureRandom(), SIZE),
    }
  }

  it('opens a port when it is picked for the first time, and never more than it has places', () => {
    const { ports, open, opened } = pool()
    expect(opened).toHaveLength(0)
    for (let i = 0; i < 100; i++) open.release(ports.take(0))
    expect(new Set(opened).size).toBe(SIZE)
    expect(opened).toHaveLength(SIZE)
  })

  it('renews ports after so many uses and so much time, and closes the old ones when nobody waits on them', () => {
    const { ports, open, opened, closed } = pool()
    const held = ports.take(0)
    for (let i = 0; i < 10_000; i++) open.release(ports.take(0))
    expect(opened.length).toBeGreaterThan(10 * SIZE)
    expect(closed).not.toContain(held)
    open.release(held)
    expect(closed).toContain(held)
    const before = opened.length
    for (let i = 0; i < 200; i++) open.release(ports.take(61_000))
    expect(opened.length).toBeGreaterThanOrEqual(before + SIZE)
    ports.close()
    expect(closed.length).toBe(opened.length)
  })

  it('makes do with the ports that it has when the system gives no more', () => {
    const { ports, open, given } = pool()
    given.isFull = true
    expect(ports.take(0)).toBe(NO_SOCKET)
    given.isFull = false
    const only = ports.take(0)
    given.isFull = true
    for (let i = 0; i < 500; i++) {
      expect(ports.take(0)).toBe(only)
      open.release(only)
    }
  })

  it('has no more wait on one port than leave most IDs free, and goes on when some are done', () => {
    const { ports, open, given } = pool()
    const only = ports.take(0)
    given.isFull = true
    for (let waiting = 1; waiting < MAX_WAITING_ON_PORT; waiting++) expect(ports.take(0)).toBe(only)
    expect(ports.take(0)).toBe(NO_SOCKET)
    open.release(only)
    expect(ports.take(0)).toBe(only)
    expect(ports.take(0)).toBe(NO_SOCKET)
  })

  it('opens nothing once it is closed', () => {
    const { ports, opened } = pool()
    ports.close()
    expect(ports.take(0)).toBe(NO_SOCKET)
    expect(opened).toHaveLength(0)
  })
})
