import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { Etcd } from '../support/start-etcd.js'
import { dataOf } from '../support/udp-client.js'
import { run } from './cli-process.js'
import { type LogLine, Serve } from './serve-process.js'

const folder = mkdtempSync(join(tmpdir(), 'containerdns-reload-'))
afterAll(() => rmSync(folder, { recursive: true }))
const config = join(folder, 'serve.yaml')
const zone = join(folder, 'a.zone')

const RUNNING = `zones: [a.example]
store: { memory: { zoneFile: [{ path: a.zone, origin: a.example }] } }
api: { listen: { port: 0 } }
`

describe('containerdns reload', () => {
  it('has a server read its config and its records again, and says what that has changed', async () => {
    writeFileSync(config, RUNNING)
    writeFileSync(zone, '$TTL 60\nwww A 192.0.2.1\n')
    await using serve = new Serve({}, '--config', config)
    await using client = await serve.client()
    const { api } = (await serve.said('answering')) as LogLine & { api: string }
    const reload = (...flags: string[]) => run(['reload', '--server', api, ...flags])
    expect(dataOf(await client.ask('www.a.example'))).toEqual(['192.0.2.1'])

    writeFileSync(zone, '$TTL 60\nwww A 192.0.2.2\n')
    expect(await reload()).toEqual({
      code: 0,
      stdout: `nothing in the config has changed\nread again: ${zone}\n`,
      stderr: '',
    })
    expect(dataOf(await client.ask('www.a.example'))).toEqual(['192.0.2.2'])

    writeFileSync(config, `${RUNNING.replace('[a.example]', '[a.example, b.example]')}log: { level: debug }\n`)
    expect(await reload('--json')).toEqual({
      code: 0,
      stdout: `${JSON.stringify({ changed: ['zones', 'log'], files: [zone] })}\n`,
      stderr: '',
    })
    expect(await client.ask('no.b.example')).toMatchObject({ rcode: 'NXDOMAIN' })
    // The reload before it has changed none.
    const told = serve.lines.filter(({ msg }) => msg === 'options have been reloaded')
    expect(told).toMatchObject([{ options: ['zones'] }])

    // Whatever is wrong, nothing has changed: not even the records.
    writeFileSync(zone, '$TTL 60\nwww A 192.0.2.3\n')
    for (const [text, code, why] of [
      ['negativTtl: 3\n', 'CDNS_CONFIG_INVALID', `${config}, line 4`],
      [
        'workers: 2\nsynthesizePtr: true\nlog: { format: text }\n',
        'CDNS_RESTART_NEEDED',
        '`synthesizePtr`, `log.format`',
      ],
      ['store: {', 'CDNS_CONFIG_INVALID', `${config}, line`],
    ] as const) {
      writeFileSync(config, `${RUNNING}${text}`)
      const { code: ended, stdout, stderr } = await reload()
      expect({ ended, stdout }).toEqual({ ended: 1, stdout: '' })
      expect(stderr).toContain(code)
      expect(stderr).toContain(why)
      expect(dataOf(await client.ask('www.a.example'))).toEqual(['192.0.2.2'])
    }
    writeFileSync(config, `${RUNNING}negativTtl: 3\ndrainMs: -1\n`)
    const problem = await fetch(`${api}/v1/reload`, { method: 'POST' })
    expect(await problem.json()).toMatchObject({
      ...{ code: 'CDNS_CONFIG_INVALID', file: config, line: 4 },
      faults: [
        { file: config, line: 4, path: 'negativTtl', code: 'CDNS_OPTION_UNKNOWN' },
        { file: config, line: 5, path: 'drainMs', code: 'CDNS_OPTION_INVALID' },
      ],
    })

    writeFileSync(config, RUNNING)
    expect(await reload()).toMatchObject({ code: 0 })
    expect(dataOf(await client.ask('www.a.example'))).toEqual(['192.0.2.3'])
  })

  it('names the part that takes a restart, and no more than that', async () => {
    await using etcd = await Etcd.start()
    const text = (prefix: string, ui: boolean) =>
      `zones: [a.example]\nstore: { etcd: { hosts: ['${etcd.host}'], prefix: ${prefix} } }\napi: { listen: { port: 0 }, ui: ${ui} }\n`
    writeFileSync(config, text('/one/', true))
    await using serve = new Serve({}, '--config', config)
    const { api } = (await serve.said('answering')) as LogLine & { api: string }
    const needsRestart = async () => {
      const response = await fetch(`${api}/v1/reload`, { method: 'POST' })
      return ((await response.json()) as { needsRestart: unknown }).needsRestart
    }
    writeFileSync(config, text('/two/', false))
    expect(await needsRestart()).toEqual(['store.etcd.prefix', 'api.ui'])
    writeFileSync(config, RUNNING)
    expect(await needsRestart()).toEqual(['store', 'api.ui'])
  })

  it('ends with 1 where the process has no config to read', async () => {
    await using etcdless = new Serve({ command: 'api' }, '--listen', '127.0.0.1:0')
    const { url } = (await etcdless.said('the API answers')) as LogLine & { url: string }
    expect(await run(['reload', '--server', url])).toMatchObject({ code: 1, stdout: '' })
  })
})
