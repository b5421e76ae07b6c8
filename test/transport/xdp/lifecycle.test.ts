import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type ContainerDnsOptions, createContainerDns, memoryStore, type XdpOptions } from 'containerdns'
import { afterEach, describe, expect, it } from 'vitest'
import { loadLibc } from '../../../lib/transport/libc.js'
import { readInterface } from '../../../lib/transport/xdp/network-interface.js'
import { Redirection } from '../../../lib/transport/xdp/redirection.js'
import { eventually } from '../../support/eventually.js'
import { dataOf, UdpClient } from '../../support/udp-client.js'
import { cableForTests, hasCable, SERVER_INTERFACE } from './cable.js'

const ANSWER = ['192.0.2.7']
const PORT = 5353

const OPTIONS = {
  zones: ['example.org'],
  workers: 1,
  transport: 'xdp',
  xdp: { interfaces: [SERVER_INTERFACE] },
} as const satisfies ContainerDnsOptions

describe.runIf(hasCable)('an interface whose queries go over AF_XDP', () => {
  const cable = cableForTests()
  const store = () => memoryStore({ rrsets: [{ name: 'www.example.org', type: 'A', data: ANSWER }] })
  const start = (options: ContainerDnsOptions = {}) =>
    createContainerDns({ ...OPTIONS, listen: { host: cable().server.ipv4, port: 0 }, store: store(), ...options })
  const hasProgram = () => / xdp| prog\/xdp/.test(cable().describe(cable().server))
  const client = (port: number) =>
    UdpClient.on(cable().openSocket(cable().client, cable().client.ipv4), { host: cable().server.ipv4, port })
  const children: ChildProcess[] = []
  /** Starts a server in a process of its own, by the commands before it; the message is what that says of itself. */
  async function startChild(
    options: ContainerDnsOptions,
    before: readonly string[] = [],
    stderr: 'inherit' | 'ignore' = 'inherit',
  ) {
    const [command, ...args] = [...before, process.execPath, new URL('killed-server.mjs', import.meta.url).pathname]
    const child = spawn(command!, args, {
      env: {
        ...process.env,
        OPTIONS: JSON.stringify({ ...OPTIONS, listen: { host: cable().server.ipv4, port: PORT }, ...options }),
      },
      stdio: ['ignore', 'inherit', stderr, 'ipc'],
    })
    children.push(child)
    const [message] = await once(child, 'message')
    return { child, message: message as { kind?: string; frames?: number; code?: string } }
  }

  const killed = async (child: ChildProcess) => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }

  afterEach(async () => {
    for (const child of children.splice(0)) await killed(child)
    expect(hasProgram()).toBe(false)
  })

  it('has no program after close, and is there for the next one', async () => {
    for (let round = 0; round < 2; round++) {
      const server = await start()
      expect(hasProgram()).toBe(true)
      await server.close()
      expect(hasProgram()).toBe(false)
    }
  })

  it('has no program after a start that failed', async () => {
    const broken = { ...store(), open: () => Promise.reject(new Error('no records today')) }
    await expect(start({ store: broken })).rejects.toThrow()
    expect(hasProgram()).toBe(false)
    const { ipv4 } = cable().server
    const xdp = { interfaces: [SERVER_INTERFACE, 'nowhere0'] }
    await expect(start({ xdp })).rejects.toMatchObject({ code: 'CDNS_XDP_INTERFACE' })
    expect(hasProgram()).toBe(false)
    // Its port is free again, too.
    const server = await start({ listen: { host: ipv4, port: PORT } })
    await server.close()
  })

  it.each([
    ['CDNS_XDP_INTERFACE', { interfaces: ['nowhere0'] }],
    ['CDNS_XDP_INTERFACE', { interfaces: [SERVER_INTERFACE], queues: [7] }],
    // A pair of veth has no card that could write into our memory.
    ['CDNS_XDP_UNAVAILABLE', { interfaces: [SERVER_INTERFACE], zeroCopy: true }],
  ] as [string, XdpOptions][])('is refused with %s for %j', async (code, xdp) => {
    await expect(start({ xdp })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(/nowhere0|cdns-server/),
    })
    expect(hasProgram()).toBe(false)
  })

  it('belongs to who came first; the second one does without where that will do', async () => {
    await using first = await start()
    await expect(start()).rejects.toMatchObject({ code: 'CDNS_XDP_BUSY' })
    const warnings: unknown[] = []
    const logger = { debug() {}, info() {}, warn: (fields: object) => warnings.push(fields), error() {} }
    await using second = await start({ transport: 'auto-xdp', logger })
    expect(second.stats().transport).toMatchObject({
      kind: 'batch',
      reason: expect.stringContaining('xdp does not work'),
    })
    expect(warnings).toEqual([{ err: expect.objectContaining({ code: 'CDNS_XDP_BUSY' }) }])
    for (const server of [first, second]) {
      await using asking = client(server.addresses[0]!.port)
      expect(dataOf(await asking.ask('www.example.org'))).toEqual(ANSWER)
    }
  })

  it('is left alone while another program is attached, whose queue is free', async () => {
    const libc = loadLibc()
    const other = new Redirection(libc, readInterface(libc, SERVER_INTERFACE)!, [1])
    try {
      other.attach('generic')
      await expect(start()).rejects.toMatchObject({ code: 'CDNS_XDP_BUSY' })
      expect(hasProgram()).toBe(true)
    } finally {
      other.close()
    }
    expect(hasProgram()).toBe(false)
  })

  it('is served on by a thread that has taken the place of one that died', async () => {
    await using server = await start({
      hooks: { onQuery: new URL('dying-hook.mjs', import.meta.url).href },
    })
    let restarts = 0
    server.on('workerRestart', () => restarts++)
    await using asking = client(server.addresses[0]!.port)
    asking.send('die.example.org')
    await eventually(() => expect(restarts).toBe(1))
    await eventually(async () => expect(dataOf(await asking.ask('www.example.org', 'A', 200))).toEqual(ANSWER))
    // Not what the first one died of.
    expect(restarts).toBe(1)
    const queue = () => server.stats().transport.xdp!.queues[0]!
    await eventually(() => expect(queue().received).toBeGreaterThan(0))
    expect(queue().badDescriptors).toBe(0)
  })

  it.each(['-net_admin,-sys_admin', '-net_raw', '-bpf,-sys_admin'])(
    'is not taken by a process without rights: %s',
    async (rights) => {
      const before = ['setpriv', `--bounding-set=${rights}`]
      const { message } = await startChild({}, before)
      expect(message).toEqual({ code: 'CDNS_XDP_NOT_PERMITTED' })
      expect((await startChild({ transport: 'auto-xdp', listen: { port: 0 } }, before)).message).toEqual({
        kind: 'batch',
      })
      expect(hasProgram()).toBe(false)
    },
  )

  it.each(['native', 'generic'] as const)('is taken in %s mode by a process with no rights but three', async (mode) => {
    const before = ['setpriv', '--bounding-set=-all,+net_admin,+net_raw,+bpf']
    const { message } = await startChild({ xdp: { interfaces: [SERVER_INTERFACE], mode } }, before)
    expect(message.kind).toBe('xdp')
    await using asking = client(PORT)
    expect(dataOf(await asking.ask('www.example.org'))).toEqual(ANSWER)
  })

  it('is served from as few frames as may be locked, unless it is said how many', async () => {
    const before = ['setpriv', '--bounding-set=-ipc_lock', 'prlimit', `--memlock=${2 ** 21}`]
    const { child, message } = await startChild({}, before)
    expect(message.kind).toBe('xdp')
    expect(message.frames).toBeGreaterThanOrEqual(256)
    expect(message.frames).toBeLessThan(1024)
    await using asking = client(PORT)
    expect(dataOf(await asking.ask('www.example.org'))).toEqual(ANSWER)
    await killed(child)
    const given = await startChild({ xdp: { interfaces: [SERVER_INTERFACE], frames: 4096 } }, before)
    expect(given.message).toEqual({ code: 'CDNS_XDP_MEMORY' })
    expect(hasProgram()).toBe(false)
  })

  it('has no program after the host has thrown', async () => {
    const { child } = await startChild({}, [], 'ignore')
    expect(hasProgram()).toBe(true)
    const exited = once(child, 'exit')
    child.send('throw')
    expect((await exited)[0]).not.toBe(0)
    expect(hasProgram()).toBe(false)
  })

  it('is closed under load, and each round leaves it as it was', async () => {
    for (let round = 0; round < 3; round++) {
      const server = await start({ listen: { host: cable().server.ipv4, port: PORT } })
      await using asking = client(PORT)
      let isClosed = false
      const load = (async () => {
        while (!isClosed) {
          for (let i = 0; i < 50; i++) asking.send('www.example.org')
          await new Promise((resolve) => setImmediate(resolve))
        }
      })()
      await eventually(() => expect(server.stats().transport.xdp!.queues[0]!.sent).toBeGreaterThan(500))
      await server.close()
      isClosed = true
      await load
      expect(server.stats().threads.every(({ restarts }) => restarts === 0)).toBe(true)
      expect(hasProgram()).toBe(false)
    }
  })

  it('answers by what a reload has changed, over AF_XDP and where that does not work', async () => {
    await using first = await start()
    await using second = await start({ transport: 'auto-xdp' })
    expect([first, second].map((server) => server.stats().transport.kind)).toEqual(['xdp', 'batch'])
    for (const server of [first, second]) {
      await server.reload({ acl: [{ clients: ['0.0.0.0/0'], action: 'refuse' }] })
      await using asking = client(server.addresses[0]!.port)
      await eventually(async () => expect(await asking.ask('www.example.org')).toMatchObject({ rcode: 'REFUSED' }))
    }
    expect(hasProgram()).toBe(true)
  })

  it('stays with the old server of a hot restart, and the new one goes on through the kernel', async () => {
    const listen = { host: cable().server.ipv4, port: PORT, share: true }
    await using old = await start({ listen })
    await expect(start({ listen })).rejects.toMatchObject({ code: 'CDNS_XDP_BUSY' })
    await using renewed = await start({ listen, transport: 'auto-xdp' })
    expect(renewed.stats().transport.kind).toBe('batch')
    await using asking = client(PORT)
    expect(dataOf(await asking.ask('www.example.org'))).toEqual(ANSWER)
    expect(old.stats().counters.queries).toBe(1)
    await old.close()
    expect(hasProgram()).toBe(false)
    expect(dataOf(await asking.ask('www.example.org'))).toEqual(ANSWER)
    expect(renewed.stats().counters.queries).toBe(1)
  })

  it('is left to a program that came before a server on a shared port has joined, where that will do', async () => {
    const libc = loadLibc()
    const other = new Redirection(libc, readInterface(libc, SERVER_INTERFACE)!, [1])
    const listen = { host: cable().server.ipv4, port: PORT, share: true }
    try {
      other.attach('generic')
      await expect(start({ listen })).rejects.toMatchObject({ code: 'CDNS_XDP_BUSY' })
      const warnings: unknown[] = []
      const logger = { debug() {}, info() {}, warn: (fields: object) => warnings.push(fields), error() {} }
      await using server = await start({ listen, transport: 'auto-xdp', logger })
      expect(warnings).toEqual([{ err: expect.objectContaining({ code: 'CDNS_XDP_BUSY' }) }])
      expect(server.stats().transport.xdp!.queues[0]).toMatchObject({ mode: 'detached' })
      await using asking = client(PORT)
      expect(dataOf(await asking.ask('www.example.org'))).toEqual(ANSWER)
      expect(server.stats().transport.xdp!.queues[0]).toMatchObject({ received: 0 })
    } finally {
      other.close()
    }
  })

  it('goes back to the kernel at once when the process is killed under load', async () => {
    const { ipv4 } = cable().server
    const { child } = await startChild({})
    expect(hasProgram()).toBe(true)
    await using asking = client(PORT)
    expect(dataOf(await asking.ask('www.example.org'))).toEqual(ANSWER)
    // Another server on the same port, which the kernel's sockets of both would share; all that comes past the kernel is the first one's.
    await using successor = await start({ transport: 'batch', listen: { host: ipv4, port: PORT, share: true } })
    const exited = once(child, 'exit')
    for (let i = 0; i < 500; i++) asking.send('www.example.org')
    child.kill('SIGKILL')
    for (let i = 0; i < 500; i++) asking.send('www.example.org')
    await exited
    expect(dataOf(await asking.ask('www.example.org'))).toEqual(ANSWER)
    expect(hasProgram()).toBe(false)
    expect(successor.stats().counters.queries).toBeGreaterThan(0)
  })
})
