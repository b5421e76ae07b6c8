import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { TEST_WORKERS } from '../support/build-for-tests.js'

// A host whose own code throws has an uncaught exception, like any program. Nothing of the server may go wrong by it.

const INDEX = new URL('../../dist/index.js', import.meta.url).href
const FAULTY = new URL('faulty-dns.worker.js', TEST_WORKERS).href
const HOST = `
  import { createSocket } from 'node:dgram'
  import { createContainerDns } from ${JSON.stringify(INDEX)}
  let uncaught = 0
  process.on('uncaughtException', () => uncaught++)
  const fail = () => { throw new Error('a fault of the host') }
  const dns = await createContainerDns({
    zones: ['example'], listen: { port: 0 }, workers: 1, workerFiles: { dns: ${JSON.stringify(FAULTY)} },
    logger: { debug: fail, info: fail, warn: fail, error: fail },
  })
  for (const event of ['ready', 'change', 'workerRestart', 'error']) dns.on(event, fail)
  await dns.records.put(['a', 'b', 'c', 'd'].map((label) => ({ name: label + '.example', type: 'A', data: ['192.0.2.1'] })))
  const names = []
  for await (const { name } of dns.records.list()) names.push(name)
  const exit = Buffer.from('000100000001000000000000', 'hex')
  const question = Buffer.from('\\x04exit\\x07example\\x00\\x00\\x01\\x00\\x01', 'latin1')
  const socket = createSocket('udp4')
  socket.send(Buffer.concat([exit, question]), dns.addresses[0].port, '127.0.0.1')
  while (dns.stats().threads[0].restarts === 0) await new Promise((resolve) => setTimeout(resolve, 10))
  socket.close()
  await dns.close()
  while (process.getActiveResourcesInfo().length > 2) await new Promise((resolve) => setTimeout(resolve, 10))
  console.log(JSON.stringify({ names: names.sort(), uncaught: uncaught > 4 }))`

describe('a host whose listeners and logger throw', () => {
  it('gets its exceptions back, and everything it asked for', () => {
    const run = spawnSync(process.execPath, ['--input-type=module', '-e', HOST], { encoding: 'utf8', timeout: 20_000 })
    expect({ status: run.status, stderr: run.stderr }).toEqual({ status: 0, stderr: '' })
    expect(JSON.parse(run.stdout)).toEqual({
      names: ['a.example', 'b.example', 'c.example', 'd.example'],
      uncaught: true,
    })
  })
})
