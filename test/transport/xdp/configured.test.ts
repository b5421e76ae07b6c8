import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { Serve } from '../../cli/serve-process.js'
import { dataOf, UdpClient } from '../../support/udp-client.js'
import { cableForTests, hasCable, SERVER_INTERFACE } from './cable.js'

const folder = mkdtempSync(join(tmpdir(), 'containerdns-xdp-'))
afterAll(() => rmSync(folder, { recursive: true }))

function configFile(name: string, config: object): string {
  const file = join(folder, `${name}.yaml`)
  writeFileSync(file, stringify(config))
  return file
}

describe.runIf(hasCable)('containerdns serve over AF_XDP', () => {
  const cable = cableForTests()
  const config = (xdp: object) => ({
    listen: { host: cable().server.ipv4, port: 0 },
    zones: ['example.org'],
    xdp: { interfaces: [SERVER_INTERFACE], ...xdp },
  })

  it.each([
    ['has all of it from a config', 'xdp', []],
    ['takes the transport from the command line', 'batch', ['--transport', 'xdp']],
  ])('%s', async (_, transport, args) => {
    const xdp = { queues: [0], mode: 'generic', zeroCopy: false, frames: 1024 }
    const file = configFile(transport, { ...config(xdp), transport })
    await using serve = new Serve({ asConfigured: true }, '--config', file, ...args)
    const { addresses } = await serve.said('answering')
    const { ipv4 } = cable().client
    await using client = UdpClient.on(cable().openSocket(cable().client, ipv4), addresses![0]!)
    expect(await client.ask('example.org', 'SOA')).toMatchObject({ rcode: 'NOERROR' })
    expect(dataOf(await client.ask('none.example.org'))).toEqual([])
    const taken = { interface: SERVER_INTERFACE, mode: 'generic', zeroCopy: false, frames: [1024] }
    expect(await serve.said('an XDP program takes queries')).toMatchObject(taken)
    serve.child.kill('SIGTERM')
    expect(await serve.ended).toEqual({ code: 0, signal: null })
    expect(cable().describe(cable().server)).not.toMatch(/ xdp| prog\/xdp/)
  })

  it('does not start with a transport that has no interface, and with auto-xdp says why it goes without', async () => {
    await using refused = new Serve({}, '--transport', 'xdp')
    expect((await refused.ended).code).toBe(2)
    const file = configFile('nowhere', { ...config({ interfaces: ['nowhere0'] }), transport: 'auto-xdp' })
    await using serve = new Serve({ asConfigured: true }, '--config', file)
    expect(await serve.said('AF_XDP cannot be used')).toMatchObject({ err: { code: 'CDNS_XDP_INTERFACE' } })
    expect(await serve.said('answering')).toMatchObject({ transport: 'batch' })
  })
})
