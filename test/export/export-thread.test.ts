import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { FAULTY_THREADS, nextRestart } from '../cluster/faulty-server.js'
import { TEST_WORKERS } from '../support/build-for-tests.js'
import { eventually } from '../support/eventually.js'
import { UdpClient } from '../support/udp-client.js'
import { startExporting } from './exporting-server.js'
import { temporaryFolder } from './temporary-folder.js'

const namesOf = (file: string) =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as { name: string }).name)

describe('the export thread', () => {
  it('is run again when it dies, and goes on with what came meanwhile', async () => {
    using folder = temporaryFolder()
    const file = join(folder.path, 'log')
    const workerFiles = { export: new URL('faulty-export.worker.js', TEST_WORKERS) }
    await using server = await startExporting({ queryLog: { file }, workerFiles })
    await using client = await UdpClient.open(server.addresses[0]!)
    await client.ask('first.example')
    await eventually(() => expect(namesOf(file)).toEqual(['first.example']))
    const restart = nextRestart(server)
    writeFileSync(`${file}.die`, '')
    expect(await restart).toMatchObject({ role: 'export', reason: 'died' })
    rmSync(`${file}.die`)
    await client.ask('second.example')
    await eventually(() => expect(namesOf(file)).toEqual(['first.example', 'second.example']))
    expect(server.ready).toBe(true)
    await server.records.put({ name: 'www.example', type: 'A', data: ['192.0.2.9'] })
  })

  it('goes on with the queries of a DNS thread that has taken a dead one’s place', async () => {
    using folder = temporaryFolder()
    const file = join(folder.path, 'log')
    await using server = await startExporting({ queryLog: { file }, workerFiles: FAULTY_THREADS })
    await using client = await UdpClient.open(server.addresses[0]!)
    await client.ask('first.example')
    const restart = nextRestart(server)
    client.send('throw.example')
    await restart
    await eventually(() => client.ask('second.example', 'A', 500))
    await eventually(() => expect(namesOf(file).at(-1)).toBe('second.example'))
    expect(namesOf(file)[0]).toBe('first.example')
  })

  it('ends with its server, without anybody who reads', async () => {
    using folder = temporaryFolder()
    const server = await startExporting({ dnstap: { socket: join(folder.path, 'absent') } })
    await using client = await UdpClient.open(server.addresses[0]!)
    await client.ask('www.example')
    await server.close()
    expect(server.stats().export!.dnstap).toEqual({ written: 0, lost: 1, connected: false })
  })
})
