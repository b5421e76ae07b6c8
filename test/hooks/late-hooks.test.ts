import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { ContainerDns } from 'containerdns'
import { decode, encode } from 'dns-packet'
import { describe, expect, it } from 'vitest'
import { FAULTY_THREADS, nextRestart } from '../cluster/faulty-server.js'
import { TEST_WORKERS } from '../support/build-for-tests.js'
import { buildQuery } from '../support/build-query.js'
import { makeCertificate } from '../support/certificates.js'
import { DohClient } from '../support/doh-client.js'
import { eventually } from '../support/eventually.js'
import { framed, TcpClient } from '../support/tcp-client.js'
import { type Decoded, dataOf, UdpClient } from '../support/udp-client.js'
import type { AskingData, AskingReport } from './asking.worker.js'
import { BACKENDS, blockFor, blockUntil, startHooked } from './hooked-server.js'

const TRANSPORTS = ['batch', 'dgram'] as const
/** Queries that may wait for a function at once, and responses that may wait to be told of. */
const SLOTS = 256
const MORE = 44
const selectBackend = () => [1]

/** What clients of `server` meet while this thread is blocked, which it is until so many queries were answered. */
async function askBlocked(server: ContainerDns, { count, until }: { count: number; until: number }) {
  const answered = new Int32Array(new SharedArrayBuffer(4))
  const { port } = server.addresses[0]!
  const workerData: AskingData = { port, name: 'www.example', count, answered }
  const worker = new Worker(new URL('asking.worker.js', TEST_WORKERS), { workerData })
  await once(worker, 'message')
  const report = once(worker, 'message') as Promise<[AskingReport]>
  worker.postMessage('ask')
  blockUntil(answered, until)
  return { whileBlocked: Atomics.load(answered, 0), inTheEnd: (await report)[0] }
}

describe.each(TRANSPORTS)('a function of a host that is blocked, over %s', (transport) => {
  it('costs queries its say and no more than its time', async () => {
    await using server = await startHooked({ transport, hooks: { selectBackend }, hookTimeoutMs: 50 })
    await using client = await UdpClient.open(server.addresses[0]!)
    await client.ask('www.example')
    const before = server.stats().counters.hookTimeouts
    expect(await askBlocked(server, { count: 20, until: 20 })).toMatchObject({ whileBlocked: 20 })
    // The first one may have been late as well.
    await eventually(() => expect(server.stats().counters.hookTimeouts).toBeGreaterThanOrEqual(before + 20))
    await eventually(async () => expect(dataOf(await client.ask('www.example'))).toEqual([BACKENDS[1]]))
  })

  it('holds as many queries as there are slots, and all others get their answer at once', async () => {
    // So long that those in the slots wait for the function.
    await using server = await startHooked({ transport, hooks: { selectBackend }, hookTimeoutMs: 5_000 })
    const answered = await askBlocked(server, { count: SLOTS + MORE, until: MORE })
    expect(answered).toEqual({ whileBlocked: MORE, inTheEnd: SLOTS + MORE })
    expect(server.stats().counters).toMatchObject({ hookOverflows: MORE, hookTimeouts: 0 })
    await using client = await UdpClient.open(server.addresses[0]!)
    expect(dataOf(await client.ask('www.example'))).toEqual([BACKENDS[1]])
  })

  it('misses responses that it was to be told of, and no query waits for that', async () => {
    let seen = 0
    const onResponse = () => void seen++
    await using server = await startHooked({ transport, hooks: { onResponse } })
    const count = SLOTS + MORE
    expect(await askBlocked(server, { count, until: count })).toMatchObject({ whileBlocked: count })
    await eventually(() => {
      expect(seen).toBe(SLOTS)
      expect(server.stats().counters.hookResponsesLost).toBe(MORE)
    })
  })

  it('never has its verdict on one query reach another', async () => {
    // Each query is blocked past its time now and then; what comes back must be the fallback or its own.
    let calls = 0
    const onQuery = (query: { name: string }) => {
      if (calls++ % 16 === 0) blockFor(5)
      return { answer: [`10.0.0.${/^n(\d+)\./.exec(query.name)![1]}`] }
    }
    await using server = await startHooked({ transport, hooks: { onQuery }, hookTimeoutMs: 3 })
    await using client = await UdpClient.open(server.addresses[0]!)
    let own = 0
    let fallback = 0
    for (let round = 0; round < 10; round++) {
      const numbers = Array.from({ length: 50 }, (_, i) => i)
      const answers = await Promise.all(numbers.map((i) => client.ask(`n${i}.example`)))
      for (const [i, answer] of answers.entries()) {
        if (answer.rcode === 'NXDOMAIN') fallback++
        else {
          expect(dataOf(answer)).toEqual([`10.0.0.${i}`])
          own++
        }
      }
    }
    expect(own + fallback).toBe(500)
    expect(Math.min(own, fallback)).toBeGreaterThan(0)
  })
})

describe('a function that chooses', () => {
  it.each(TRANSPORTS)('is answered from the address that was asked, on a wildcard over %s', async (transport) => {
    await using server = await startHooked({
      transport,
      hooks: { selectBackend },
      hookTimeoutMs: 2_000,
      listen: { host: '0.0.0.0', port: 0 },
    })
    const { port } = server.addresses[0]!
    // A wildcard of `dgram` is the host's addresses, of which 127.0.0.1 is one; one of `batch` is all of them.
    const hosts = transport === 'batch' ? ['127.0.0.1', '127.0.0.2', '127.0.0.77'] : ['127.0.0.1']
    for (const host of hosts) {
      const socket = createSocket('udp4')
      socket.send(encode({ type: 'query', id: 1, questions: [{ type: 'A', name: 'www.example' }] }), port, host)
      const [message, from] = await once(socket, 'message')
      socket.close()
      expect(dataOf(decode(message) as Decoded)).toEqual([BACKENDS[1]])
      expect(from).toMatchObject({ address: host, port })
    }
  })

  it('is asked for several queries of one connection, whose client has ended its side', async () => {
    await using server = await startHooked({ hooks: { selectBackend }, hookTimeoutMs: 2_000 })
    await using client = await TcpClient.open(server.addresses[1]!)
    client.socket.end(Buffer.concat([framed(buildQuery('www.example')), framed(buildQuery('alias.example'))]))
    const answers = [await client.next(), await client.next()]
    expect(answers.map((message) => dataOf(decode(message) as Decoded).at(-1))).toEqual([BACKENDS[1], BACKENDS[1]])
    await client.untilEnded()
  })

  it('has nothing to do with a connection that is gone', async () => {
    await using server = await startHooked({ hooks: { selectBackend }, hookTimeoutMs: 2_000 })
    const client = await TcpClient.open(server.addresses[1]!)
    client.ask('www.example').catch(() => {})
    client.socket.resetAndDestroy()
    await using other = await TcpClient.open(server.addresses[1]!)
    expect(dataOf(decode(await other.ask('www.example')) as Decoded)).toEqual([BACKENDS[1]])
    expect(server.stats().threads.every(({ restarts }) => restarts === 0)).toBe(true)
  })

  it('is answered over DoT and DoH', async () => {
    const { cert, key } = makeCertificate()
    const hooks = {
      selectBackend,
      onQuery: (query: { name: string }) => (query.name === 'd.example' ? 'drop' : 'continue'),
    }
    await using server = await startHooked({
      hooks: hooks as object,
      hookTimeoutMs: 2_000,
      listen: [
        { port: 0, protocols: ['dot'], tls: { cert, key } },
        { port: 0, protocols: ['doh'], tls: { cert, key } },
      ],
    })
    await using dot = await TcpClient.openTls(server.addresses[0]!)
    expect(dataOf(decode(await dot.ask('www.example')) as Decoded)).toEqual([BACKENDS[1]])
    await using doh = await DohClient.open(server.addresses[1]!)
    const { status, body } = await doh.get('www.example')
    expect(status).toBe(200)
    expect(dataOf(decode(body) as Decoded)).toEqual([BACKENDS[1]])
    expect((await doh.get('d.example')).status).toBe(400)
  })

  it('goes on after a thread has died with queries parked', async () => {
    await using server = await startHooked({ hooks: { selectBackend }, workerFiles: FAULTY_THREADS })
    await using client = await UdpClient.open(server.addresses[0]!)
    const restarted = nextRestart(server)
    for (let i = 0; i < 20; i++) client.send('www.example')
    client.send('exit.example')
    // They are parked, and their thread is dead, before the function is called.
    blockFor(300)
    await restarted
    await eventually(async () => expect(dataOf(await client.ask('www.example', 'A', 500))).toEqual([BACKENDS[1]]))
  })
})
