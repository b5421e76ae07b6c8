import { describe, expect, it } from 'vitest'
import { TEST_WORKERS } from '../support/build-for-tests.js'
import { UdpClient } from '../support/udp-client.js'
import { nextRestart, startFaulty as start } from './faulty-server.js'

describe.each(['batch', 'dgram'] as const)('a DNS thread over %s', (transport) => {
  it.each(['exit', 'throw'])('is run again after it has died (%s), and the server goes on answering', async (fault) => {
    await using server = await start({ transport })
    await using client = await UdpClient.open(server.addresses[0]!)
    const restarted = nextRestart(server)
    client.send(`${fault}.example`)
    expect(await restarted).toMatchObject({ thread: 0, role: 'dns', reason: 'died', restarts: 1 })
    await expect
      .poll(() => client.ask('www.example', 'A', 200).catch(() => undefined))
      .toMatchObject({ rcode: 'NOERROR' })
    expect(server.stats().threads).toMatchObject([{ role: 'dns', restarts: 1 }, { restarts: 0 }])
  })
})

describe('a DNS thread', () => {
  it('is ended and run again when its heart stands still', async () => {
    await using server = await start()
    await using client = await UdpClient.open(server.addresses[0]!)
    const restarted = nextRestart(server)
    client.send('hang.example')
    expect(await restarted).toMatchObject({ reason: 'hung' })
    expect(await client.ask('www.example')).toMatchObject({ rcode: 'NOERROR' })
  })

  it('leaves what the kernel has queued to its successor', async () => {
    await using server = await start({ transport: 'batch' })
    await using client = await UdpClient.open(server.addresses[0]!)
    const restarted = nextRestart(server)
    client.send('exit.example')
    await restarted
    // Nobody serves the socket now: all of these wait in it.
    const answers = await Promise.all(Array.from({ length: 100 }, () => client.ask('www.example')))
    expect(answers.every((answer) => answer.rcode === 'NOERROR')).toBe(true)
  })

  it('takes with it no more than the batch in its hands', async () => {
    await using server = await start({ transport: 'batch' })
    const clients = await Promise.all(Array.from({ length: 20 }, () => UdpClient.open(server.addresses[0]!)))
    let lost = 0
    const askMany = (client: UdpClient) =>
      // Long enough for a busy machine to start a thread: what waits meanwhile is late, and not lost.
      Array.from({ length: 50 }, () => client.ask('www.example', 'A', 6_000).catch(() => lost++))
    const before = clients.slice(0, 10).flatMap(askMany)
    clients[0]!.send('exit.example')
    const after = clients.slice(10).flatMap(askMany)
    await Promise.all([...before, ...after])
    await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()))
    expect(server.stats().threads).toMatchObject([{ role: 'dns', restarts: 1 }, { restarts: 0 }])
    expect(lost).toBeLessThanOrEqual(64)
  })

  it('whose successor cannot even be loaded is run again once it can', async () => {
    await using server = await start()
    await using client = await UdpClient.open(server.addresses[0]!)
    process.env['CONTAINERDNS_TEST_UNBOOTABLE'] = '1'
    try {
      client.send('exit.example')
      await expect.poll(() => server.stats().threads[0]!.restarts, { timeout: 10_000 }).toBeGreaterThan(2)
    } finally {
      delete process.env['CONTAINERDNS_TEST_UNBOOTABLE']
    }
    await expect
      .poll(() => client.ask('www.example', 'A', 200).catch(() => undefined), { timeout: 15_000 })
      .toMatchObject({ rcode: 'NOERROR' })
  })

  it('that keeps dying is run again more and more slowly, and others go on', async () => {
    await using server = await start()
    await using client = await UdpClient.open(server.addresses[0]!)
    const times: number[] = []
    server.on('workerRestart', () => times.push(performance.now()))
    for (let deaths = 1; deaths <= 4; deaths++) {
      client.send('exit.example')
      await expect.poll(() => times.length, { timeout: 10_000, interval: 5 }).toBe(deaths)
    }
    // The wait before the next life grows: nothing, 100 ms, 200 ms. Timers may be a millisecond early.
    expect(times[2]! - times[1]!).toBeGreaterThan(99)
    expect(times[3]! - times[2]!).toBeGreaterThan(199)
    await expect
      .poll(() => client.ask('www.example', 'A', 200).catch(() => undefined))
      .toMatchObject({ rcode: 'NOERROR' })
  })

  it('counts on where the dead one stopped', async () => {
    await using server = await start()
    await using client = await UdpClient.open(server.addresses[0]!)
    await client.ask('www.example')
    const restarted = nextRestart(server)
    client.send('exit.example')
    await restarted
    await client.ask('www.example')
    await expect.poll(() => server.stats().counters.responses).toBe(2)
  })

  it('that cannot start fails the start of the server, with the cause', async () => {
    const file = new URL('no-such-file.js', TEST_WORKERS)
    await expect(start({ workerFiles: { dns: file } })).rejects.toMatchObject({ code: 'CDNS_THREAD_FAILED' })
  })

  it('does not hold up puts after its death in the middle of a batch', async () => {
    await using server = await start({ workers: 2 })
    await using client = await UdpClient.open(server.addresses[0]!)
    const restarted = nextRestart(server)
    client.send('throw.example')
    await restarted
    await server.records.put({ name: 'new.example', type: 'A', data: ['192.0.2.9'] })
    await expect
      .poll(() => client.ask('new.example', 'A', 200).catch(() => undefined))
      .toMatchObject({ rcode: 'NOERROR' })
  })
})
