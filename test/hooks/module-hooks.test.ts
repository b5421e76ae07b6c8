import { describe, expect, it } from 'vitest'
import { buildQuery } from '../support/build-query.js'
import { eventually } from '../support/eventually.js'
import { describeResponse } from '../support/expect-response.js'
import { framed, TcpClient } from '../support/tcp-client.js'
import { dataOf, UdpClient } from '../support/udp-client.js'
import { BACKENDS, moduleOf, startHooked } from './hooked-server.js'

describe('a module', () => {
  it.each([
    ['cannot be found', 'file:///nowhere/hook.mjs'],
    ['is no JavaScript', moduleOf('export const = 1')],
    ['throws when it is imported', moduleOf('throw new Error("no")')],
    ['exports no function', moduleOf('export const onQuery = 1')],
  ])('that %s fails the start', async (_, onQuery) => {
    await expect(startHooked({ hooks: { onQuery } })).rejects.toMatchObject({ code: 'CDNS_HOOK_MODULE_FAILED' })
  })

  it('that loops for ever costs a thread each time, and is off after the third', async () => {
    const onQuery = moduleOf(`export const onQuery = ({ name }) => {
      if (name === 'hang.example') for (;;);
      return 'refuse'
    }`)
    await using server = await startHooked({ hooks: { onQuery } })
    const off: Error[] = []
    server.on('hooksOff', (cause) => off.push(cause))
    await using client = await UdpClient.open(server.addresses[0]!)
    for (let restarts = 1; restarts <= 3; restarts++) {
      expect(off).toEqual([])
      expect((await client.ask('www.example')).rcode).toBe('REFUSED')
      client.send('hang.example')
      await eventually(() => expect(server.stats().threads[0]!.restarts).toBe(restarts))
      await eventually(async () => expect(await client.ask('www.example', 'A', 500)).toBeDefined())
    }
    expect(off).toMatchObject([{ code: 'CDNS_HOOKS_OFF' }])
    expect(dataOf(await client.ask('www.example')).sort()).toEqual(BACKENDS)
  }, 60_000)

  it.each([
    ['onQuery', 'return "continue"'],
    ['selectBackend', 'return [0]'],
    ['onResponse', ''],
  ])(
    'that loops for ever in %s over a stream costs that thread, and queries over UDP go on',
    async (hook, otherwise) => {
      const code = `export default ({ name, protocol }) => {
      if (protocol === 'tcp' && name === 'alias.example') for (;;);
      ${otherwise}
    }`
      await using server = await startHooked({ hooks: { [hook]: moduleOf(code) } })
      const stream = () => server.stats().threads.at(-1)!
      await using udp = await UdpClient.open(server.addresses[0]!)
      await using hanging = await TcpClient.open(server.addresses[1]!)
      hanging.socket.write(framed(buildQuery('alias.example')))
      const answered = async () => expect(dataOf(await udp.ask('alias.example'))).toContain('www.example')
      await eventually(async () => {
        await answered()
        expect(stream().restarts).toBe(1)
      })
      await using other = await TcpClient.open(server.addresses[1]!)
      expect(describeResponse(await other.ask('one.example'))).toMatchObject({ rcode: 'NOERROR' })
      await answered()
      expect(server.stats().threads[0]!.restarts).toBe(0)
    },
  )
})
