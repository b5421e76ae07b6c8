import { rmSync } from 'node:fs'
import type { ContainerDns } from 'containerdns'
import { describe, expect, it } from 'vitest'
import { TEST_WORKERS } from '../support/build-for-tests.js'
import { buildQuery } from '../support/build-query.js'
import { makeCertificate } from '../support/certificates.js'
import { describeResponse } from '../support/expect-response.js'
import { framed, TcpClient } from '../support/tcp-client.js'
import { UdpClient } from '../support/udp-client.js'
import { nextRestart, startFaulty as start } from './faulty-server.js'

async function askOnce(server: ContainerDns, name: string): Promise<string | undefined> {
  try {
    await using client = await TcpClient.open(server.addresses[1]!)
    return describeResponse(await client.ask(name)).rcode
  } catch {
    // Nobody listens, or nobody answers: the thread is being replaced.
    return undefined
  }
}

async function askOverTls(server: ContainerDns, ca: string): Promise<string | undefined> {
  try {
    await using client = await TcpClient.openTls(server.addresses[0]!, { ca, rejectUnauthorized: true })
    return describeResponse(await client.ask('www.example')).rcode
  } catch {
    return undefined
  }
}

describe.each(['batch', 'dgram'] as const)('the stream thread beside %s', (transport) => {
  it.each(['exit', 'throw'])(
    'takes its connections with it (%s), and listens again on the same port',
    async (fault) => {
      await using server = await start({ transport })
      await using other = await TcpClient.open(server.addresses[1]!)
      await other.ask('www.example')
      const restarted = nextRestart(server)
      await using client = await TcpClient.open(server.addresses[1]!)
      client.socket.write(framed(buildQuery(`${fault}.example`)))
      expect(await restarted).toMatchObject({ thread: 1, role: 'stream', reason: 'died', restarts: 1 })
      await other.untilEnded()
      await expect.poll(() => askOnce(server, 'www.example')).toBe('NOERROR')
      await expect.poll(() => server.stats().tcp.open).toBe(0)
      expect(server.stats().threads).toMatchObject([{ restarts: 0 }, { role: 'stream', restarts: 1 }])
    },
  )

  it('leaves nothing of UDP unanswered when it hangs, and is ended and run again', async () => {
    await using server = await start({ transport })
    await using udp = await UdpClient.open(server.addresses[0]!)
    await using client = await TcpClient.open(server.addresses[1]!)
    let isBack = false
    const restarted = nextRestart(server).finally(() => {
      isBack = true
    })
    client.socket.write(framed(buildQuery('hang.example')))
    while (!isBack) expect(await udp.ask('www.example')).toMatchObject({ rcode: 'NOERROR' })
    expect(await restarted).toMatchObject({ role: 'stream', reason: 'hung' })
    await expect.poll(() => askOnce(server, 'www.example')).toBe('NOERROR')
  })
})

describe('the stream thread', () => {
  it('leaves clients that come while it is replaced to its successor', async () => {
    await using server = await start({ transport: 'batch' })
    await using client = await TcpClient.open(server.addresses[1]!)
    const restarted = nextRestart(server)
    client.socket.write(framed(buildQuery('exit.example')))
    await restarted
    // Nobody accepts now: the kernel holds these.
    expect(await Promise.all(Array.from({ length: 20 }, () => askOnce(server, 'www.example')))).toEqual(
      Array(20).fill('NOERROR'),
    )
  })

  it('does not hold up puts, neither with idle connections nor after its death in the middle of a burst', async () => {
    await using server = await start()
    await using idle = await TcpClient.open(server.addresses[1]!)
    await idle.ask('www.example')
    await server.records.put({ name: 'one.example', type: 'A', data: ['192.0.2.8'] })
    expect(describeResponse(await idle.ask('one.example')).rcode).toBe('NOERROR')
    const restarted = nextRestart(server)
    idle.socket.write(framed(buildQuery('exit.example')))
    await restarted
    await server.records.put({ name: 'two.example', type: 'A', data: ['192.0.2.9'] })
    await expect.poll(() => askOnce(server, 'two.example')).toBe('NOERROR')
  })

  it('is run again with the certificate of the start when that in the files is broken', async () => {
    const { cert, certFile, keyFile } = makeCertificate()
    const listen = { port: 0, protocols: ['dot' as const], tls: { cert: certFile, key: keyFile } }
    await using server = await start({ listen })
    await using client = await TcpClient.openTls(server.addresses[0]!)
    const reported = new Promise((resolve) => server.once('error', resolve))
    rmSync(keyFile)
    const restarted = nextRestart(server)
    client.socket.write(framed(buildQuery('exit.example')))
    await restarted
    expect(await reported).toMatchObject({ code: 'CDNS_CERTIFICATE_MISSING' })
    await expect.poll(() => askOverTls(server, cert), { timeout: 10_000 }).toBe('NOERROR')
  })

  it('that cannot start fails the start of the server', async () => {
    const file = new URL('no-such-file.js', TEST_WORKERS)
    await expect(start({ workerFiles: { stream: file } })).rejects.toMatchObject({ code: 'CDNS_THREAD_FAILED' })
  })

  it('is not there when nobody is to be answered over TCP, nor DNS threads when nobody is over UDP', async () => {
    await using udp = await start({ listen: { port: 0, protocols: ['udp'] } })
    expect(udp.stats().threads.map(({ role }) => role)).toEqual(['dns'])
    expect(udp.addresses).toMatchObject([{ protocol: 'udp' }])
    await using tcp = await start({ listen: { port: 0, protocols: ['tcp'] } })
    expect(tcp.stats().threads.map(({ role }) => role)).toEqual(['stream'])
    expect(tcp.addresses).toMatchObject([{ protocol: 'tcp' }])
    await using client = await TcpClient.open(tcp.addresses[0]!)
    expect(describeResponse(await client.ask('www.example')).rcode).toBe('NOERROR')
  })
})
