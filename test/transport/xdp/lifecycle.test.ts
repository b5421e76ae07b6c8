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

  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL')
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

  it('goes back to the kernel at once when the process is killed under load', async () => {
    const { ipv4 } = cable().server
    const child = spawn(process.execPath, [new URL('killed-server.mjs', import.meta.url).pathname], {
      env: { ...process.env, OPTIONS: JSON.stringify({ ...OPTIONS, listen: { host: ipv4, port: PORT } }) },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    children.push(child)
    await once(child, 'message')
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
