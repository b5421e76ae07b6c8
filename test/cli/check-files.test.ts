import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { readConfig } from '../../lib/config/config-file.js'
import { makeCertificate } from '../support/certificates.js'
import { run } from './cli-process.js'

const folder = mkdtempSync(join(tmpdir(), 'containerdns-files-'))
afterAll(() => rmSync(folder, { recursive: true }))
const write = (name: string, text: string) => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}
const one = makeCertificate()
const two = makeCertificate()
write('one.crt', one.cert)
write('one.key', one.key)
write('two.key', two.key)
write('a.zone', '$TTL 60\nwww A 192.0.2.1\n')
write('bad.zone', '$TTL 60\nwww A 192.0.2.1\nftp A nonsense\n')
write('outside.json', '[{"name":"www.b.example","type":"A","data":["192.0.2.1"]}]')
write('hosts', '127.0.0.1 localhost\n192.0.2.999 db.a.example\n')
write('tokens.yaml', 'tokens:\n  - principal: me\n    hash: none\n')

const memory = (text: string) => `zones: [a.example]\nstore:\n  memory:\n    ${text}\n`
const dot = (cert: string, key: string) =>
  `listen:\n  - { port: 5300 }\n  - port: 5301\n    protocols: [dot]\n    tls:\n      cert: ${cert}\n      key: ${key}\n`

describe('the files that a config names', () => {
  it.each([
    ['a zone file that is missing', memory('zoneFile: no.zone'), 4, 'no.zone cannot be read'],
    ['a line of a zone file', memory('zoneFile: [{ path: bad.zone, origin: a.example }]'), 4, 'bad.zone, line 3'],
    ['a records file outside the zones', memory('recordsFile: outside.json'), 4, 'outside.json, entry 0'],
    ['a line of a hosts file', memory('hostsFile: hosts'), 4, 'hosts, line 2'],
    ['a certificate that is missing', dot('no.crt', 'one.key'), 6, 'no.crt'],
    ['the key of another certificate', dot('one.crt', 'two.key'), 6, 'two.key'],
    ['a key that is no PEM', dot('one.crt', 'a.zone'), 7, 'a.zone'],
    ['a line of a file of tokens', 'api:\n  tokens: { file: tokens.yaml }\n', 2, 'tokens.yaml, line 2'],
    ['a certificate of the API', 'api:\n  listen:\n    tls:\n      cert: no.crt\n      key: one.key\n', 4, 'no.crt'],
  ])('are read for it: %s', async (_, text, line, reason) => {
    const file = write('config.yaml', text)
    await expect(readConfig({ file })).resolves.toMatchObject({ ignored: [] })
    const fault = await readConfig({ file, checksFiles: true }).catch((error: unknown) => error)
    expect(fault).toMatchObject({ code: 'CDNS_CONFIG_INVALID', details: { file, line } })
    expect((fault as Error).message).toContain(reason)
  })

  it('are right where a server could begin with them', async () => {
    const file = write(
      'right.yaml',
      `${memory('zoneFile: [{ path: a.zone, origin: a.example }]')}${dot('one.crt', 'one.key')}`,
    )
    await expect(readConfig({ file, checksFiles: true })).resolves.toMatchObject({ ignored: [] })
  })

  it('are part of what the command checks, unless it is told to leave them out', async () => {
    const file = write('command.yaml', memory('zoneFile: bad.zone'))
    const { code, stdout, stderr } = await run(['check', file])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain(`${file}, line 4: `)
    expect(await run(['check', '--no-files', file])).toMatchObject({ code: 0, stdout: `${file} is right\n` })
  })
})
