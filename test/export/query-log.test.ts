import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { ExportedQuery, PublishedEvent } from 'containerdns'
import { describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.js'
import { TcpClient } from '../support/tcp-client.js'
import { UdpClient } from '../support/udp-client.js'
import { startExporting } from './exporting-server.js'
import { temporaryFolder } from './temporary-folder.js'

function linesOf(file: string): ExportedQuery[] {
  if (!existsSync(file)) return []
  const lines = readFileSync(file, 'utf8').split('\n')
  expect(lines.pop()).toBe('')
  return lines.map((line) => JSON.parse(line) as ExportedQuery)
}

describe('the query log', () => {
  it('has a line of JSON for each query', async () => {
    using folder = temporaryFolder()
    const file = join(folder.path, 'queries.jsonl')
    await using server = await startExporting({ queryLog: { file } })
    await using client = await UdpClient.open(server.addresses[0]!)
    await client.ask('WWW.example')
    await using stream = await TcpClient.open(server.addresses[1]!)
    await stream.ask('absent.example', 'MX')
    const [first, second] = await eventually(() => {
      const lines = linesOf(file)
      expect(lines).toHaveLength(2)
      return lines
    })
    expect(first).toEqual({
      ...{ time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/), client: '127.0.0.1', port: client.port },
      ...{ protocol: 'udp', id: 1, name: 'www.example', type: 'A', rcode: 'NOERROR', flags: ['AA'], answers: 1 },
      ...{ queryBytes: 29, responseBytes: 45, durationMs: expect.any(Number) },
    })
    expect(second).toMatchObject({ protocol: 'tcp', name: 'absent.example', rcode: 'NXDOMAIN', answers: 0 })
    await eventually(() => expect(server.stats().export!.queryLog).toEqual({ written: 2, lost: 0 }))
  })

  it('has queries that get no answer, and those that cannot be read', async () => {
    using folder = temporaryFolder()
    const file = join(folder.path, 'queries.jsonl')
    const acl = [{ clients: ['127.0.0.0/8'], action: 'drop' as const }]
    await using server = await startExporting({ queryLog: { file }, acl })
    await using client = await UdpClient.open(server.addresses[0]!)
    client.send('www.example', 'A', 7)
    const [line] = await eventually(() => {
      const lines = linesOf(file)
      expect(lines).toHaveLength(1)
      return lines
    })
    expect(line).toMatchObject({ id: 7, name: 'www.example', responseBytes: 0 })
    expect(line).not.toHaveProperty('rcode')
  })

  it('goes on in a new file when the old one was moved, by itself', async () => {
    using folder = temporaryFolder()
    const file = join(folder.path, 'queries.jsonl')
    await using server = await startExporting({ queryLog: { file } })
    await using client = await UdpClient.open(server.addresses[0]!)
    await client.ask('www.example')
    await eventually(() => expect(linesOf(file)).toHaveLength(1))
    renameSync(file, `${file}.old`)
    await eventually(async () => {
      await client.ask('www.example')
      expect(linesOf(file).length).toBeGreaterThan(0)
    })
  })

  it('goes on in a new file at once when it is told', async () => {
    using folder = temporaryFolder()
    const file = join(folder.path, 'queries.jsonl')
    await using server = await startExporting({ queryLog: { file } })
    await using client = await UdpClient.open(server.addresses[0]!)
    await client.ask('www.example')
    await eventually(() => expect(linesOf(file)).toHaveLength(1))
    renameSync(file, `${file}.old`)
    server.reopenLogs()
    await client.ask('www.example')
    await eventually(() => expect(linesOf(file)).toHaveLength(1))
    expect(linesOf(`${file}.old`)).toHaveLength(1)
  })

  it('keeps its files within twice their bound, and loses no line of the newer one', async () => {
    using folder = temporaryFolder()
    const file = join(folder.path, 'queries.jsonl')
    const maxBytes = 65_536
    await using server = await startExporting({ queryLog: { file, maxBytes } })
    await using client = await UdpClient.open(server.addresses[0]!)
    for (let round = 0; round < 20; round++) {
      await Promise.all(Array.from({ length: 50 }, () => client.ask('www.example')))
      await eventually(() => expect(server.stats().export!.queryLog!.written).toBe(50 * (round + 1)))
    }
    expect(statSync(file).size).toBeLessThanOrEqual(maxBytes)
    expect(statSync(`${file}.1`).size).toBeLessThanOrEqual(maxBytes)
    expect(linesOf(file).length + linesOf(`${file}.1`).length).toBeGreaterThan(200)
  })

  it('counts what it cannot write, and goes on when it can', async () => {
    using folder = temporaryFolder()
    const sub = join(folder.path, 'sub')
    mkdirSync(sub)
    const file = join(sub, 'queries.jsonl')
    await using server = await startExporting({ queryLog: { file } })
    await using client = await UdpClient.open(server.addresses[0]!)
    rmSync(sub, { recursive: true })
    await eventually(async () => {
      await client.ask('www.example')
      expect(server.stats().export!.queryLog!.lost).toBeGreaterThan(0)
    })
    mkdirSync(sub)
    await eventually(async () => {
      await client.ask('www.example')
      expect(linesOf(file).length).toBeGreaterThan(0)
    })
  })

  it('fails the start when its file cannot be opened', async () => {
    using folder = temporaryFolder()
    await expect(startExporting({ queryLog: { file: join(folder.path, 'absent', 'log') } })).rejects.toMatchObject({
      code: 'CDNS_QUERY_LOG_FAILED',
    })
  })

  it('is published to who has subscribed, without a file too', async () => {
    await using server = await startExporting({ queryLog: {} })
    await using client = await UdpClient.open(server.addresses[0]!)
    const heard: PublishedEvent[] = []
    const listener = (message: unknown) => void heard.push(message as PublishedEvent)
    await client.ask('www.example')
    subscribe('containerdns:query', listener)
    try {
      await eventually(async () => {
        await client.ask('absent.example')
        expect(heard.length).toBeGreaterThan(0)
      })
    } finally {
      unsubscribe('containerdns:query', listener)
    }
    expect(heard[0]!.server).toBe(server)
    expect(heard[0]!.value).toMatchObject({ name: 'absent.example', rcode: 'NXDOMAIN', client: '127.0.0.1' })
  })
})
