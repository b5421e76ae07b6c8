import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { configFaultsOf } from '../../lib/config/config-fault.js'
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
    ['a module of a hook that is missing', 'hooks:\n  onQuery: no.mjs\n', 2, 'no.mjs'],
    ['a module of probes that is missing', 'hooks:\n  checkHealth: no.mjs\n', 2, 'no.mjs'],
    ['a module that is a folder', 'hooks:\n  onResponse: .\n', 2, 'folder'],
    ['a log in no folder', 'log:\n  level: info\n  file: none/log\n', 3, 'none/log'],
    ['a log that is a folder', 'log:\n  file: .\n', 2, 'folder'],
    ['an audit in no folder', 'api:\n  auditFile: none/audit\n', 2, 'none/audit'],
    ['a query log in no folder', 'queryLog:\n  file: none/queries\n', 2, 'none/queries'],
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

  it('are neither run nor made', async () => {
    write('hook.mjs', "import { writeFileSync } from 'node:fs'\nwriteFileSync(new URL('ran', import.meta.url), '')\n")
    const file = write(
      'still.yaml',
      'hooks: { onQuery: hook.mjs }\nlog: { file: log }\napi: { auditFile: audit }\nqueryLog: { file: queries }\n',
    )
    await expect(readConfig({ file, checksFiles: true })).resolves.toMatchObject({ ignored: [] })
    expect(['ran', 'log', 'audit', 'queries'].filter((name) => existsSync(join(folder, name)))).toEqual([])
  })

  it('have codes that say what they are for', async () => {
    const file = write(
      'codes.yaml',
      'hooks:\n  onQuery: no.mjs\nlog:\n  file: none/log\napi:\n  auditFile: none/audit\nqueryLog:\n  file: none/queries\n',
    )
    const fault = await readConfig({ file, checksFiles: true }).catch((error: unknown) => error)
    expect(configFaultsOf(fault)).toMatchObject([
      { line: 2, path: 'hooks.onQuery', code: 'CDNS_HOOK_MODULE_FAILED' },
      { line: 4, path: 'log.file', code: 'CDNS_LOG_FILE_FAILED' },
      { line: 6, path: 'api.auditFile', code: 'CDNS_LOG_FILE_FAILED' },
      { line: 8, path: 'queryLog.file', code: 'CDNS_QUERY_LOG_FAILED' },
    ])
  })

  it('are part of what the command checks, unless it is told to leave them out', async () => {
    const file = write('command.yaml', memory('zoneFile: bad.zone'))
    const { code, stdout, stderr } = await run(['check', file])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain(`${file}, line 4: `)
    expect(await run(['check', '--no-files', file])).toMatchObject({ code: 0, stdout: `${file} is right\n` })
  })
})

describe('the RRsets of a config', () => {
  it('are said each, with the line and the data that is wrong', async () => {
    const file = write(
      'rrsets.yaml',
      [
        'zones: [a.example]',
        'store:',
        '  memory:',
        '    rrsets:',
        '      - { name: www.a.example, type: A, data: [192.0.2.1] }',
        '      - { name: ftp.a.example, type: A, data: [192.0.2.1, 1.2.3] }',
        '      - { name: db.b.example, type: A, data: [192.0.2.1] }',
        '      - { name: v.a.example, type: A, view: no, data: [192.0.2.1] }',
        '      - { name: nul.a.example, type: A, data: ["0"] }',
        '      - { name: x.a.example, typ: A, data: [192.0.2.1] }',
        '    hostsFile: no.hosts',
        '',
      ].join('\n'),
    )
    await expect(readConfig({ file })).resolves.toMatchObject({ ignored: [] })
    const fault = await readConfig({ file, checksFiles: true }).catch((error: unknown) => error)
    const faults = configFaultsOf(fault)
    const rrset = (i: number, line: number, more = '') => ({ file, line, path: `store.memory.rrsets[${i}]${more}` })
    expect(faults).toMatchObject([
      rrset(1, 6, '.data[1]'),
      { ...rrset(2, 7), code: 'CDNS_NAME_OUT_OF_ZONE' },
      { ...rrset(3, 8) },
      rrset(4, 9, '.data[0]'),
      { ...rrset(5, 10), code: 'CDNS_RRSET_INVALID' },
      { line: 11, path: 'store.memory.hostsFile', code: 'CDNS_HOSTS_FILE_INVALID' },
    ])
    for (const { message, path, line } of faults) expect(message).toContain(`line ${line}: ${path}: `)
  })

  it('are right beside each other, too, and beside those of files', async () => {
    const rrset = (type: string, data: string) => `      - { name: www.a.example, type: ${type}, data: [${data}] }\n`
    const both = write(
      'cname.yaml',
      `zones: [a.example]\nstore:\n  memory:\n    rrsets:\n${rrset('A', '192.0.2.1')}${rrset('CNAME', 'x.a.example')}`,
    )
    const one = write(
      'file.yaml',
      `zones: [a.example]\nstore:\n  memory:\n    zoneFile: [{ path: a.zone, origin: a.example }]\n    rrsets:\n${rrset('CNAME', 'x.a.example')}`,
    )
    for (const file of [both, one]) {
      const fault = await readConfig({ file, checksFiles: true }).catch((error: unknown) => error)
      expect(configFaultsOf(fault)).toMatchObject([{ code: 'CDNS_CNAME_CONFLICT' }])
    }
  })
})

describe('two entries of listen', () => {
  const faultsOf = async (...entries: string[]) => {
    const file = write('twice.yaml', `listen:\n${entries.map((entry) => `  - { ${entry} }\n`).join('')}`)
    return configFaultsOf(await readConfig({ file }).catch((error: unknown) => error))
  }

  it('that want one socket are a fault, which names both', async () => {
    const faults = await faultsOf(
      'port: 53',
      'host: "::1", port: 53',
      'port: 53, protocols: [tcp]',
      'host: "0:0::1", port: 53',
    )
    expect(faults).toMatchObject([
      { line: 4, path: 'listen[2]', code: 'CDNS_OPTION_INVALID', message: expect.stringContaining('listen[0]') },
      { line: 5, path: 'listen[3]', code: 'CDNS_OPTION_INVALID', message: expect.stringContaining('listen[1]') },
    ])
  })

  it.each([
    ['another protocol', ['port: 53, protocols: [udp]', 'port: 53, protocols: [tcp]']],
    ['any port', ['port: 0', 'port: 0']],
    ['sharing', ['port: 53, share: true', 'port: 53, share: true']],
    ['another address', ['host: 127.0.0.1, port: 53', 'host: 127.0.0.2, port: 53']],
  ])('are right with %s', async (_, entries) => {
    expect(await faultsOf(...entries)).toEqual([])
  })

  it('are no fault together where each is wrong in itself', async () => {
    expect(await faultsOf('port: many', 'port: more', 'prot: 53')).toMatchObject([
      { path: 'listen[0].port' },
      { path: 'listen[1].port' },
      { path: 'listen[2].prot' },
    ])
  })
})
