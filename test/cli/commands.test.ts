import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ApiUnderTest } from '../api/running-api.js'
import { run } from './cli-process.js'

const folder = mkdtempSync(join(tmpdir(), 'containerdns-commands-'))
const tokenFile = join(folder, 'token')
writeFileSync(tokenFile, 'root-secret\n')
let under: ApiUnderTest

beforeAll(async () => {
  under = await ApiUnderTest.start()
})
afterAll(async () => {
  await under[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

const as = (principal: string) => ({ CONTAINERDNS_SERVER: under.api.url, CONTAINERDNS_TOKEN: `${principal}-secret` })
const ask = (...args: string[]) => run(args, as('root'))
const json = async (...args: string[]) => JSON.parse((await ask(...args, '--json')).stdout)

describe('containerdns record', () => {
  it('puts, shows, adds to, takes from and deletes an RRset', async () => {
    expect(await ask('record', 'put', 'www.example', 'A', '192.0.2.1', '192.0.2.2', '--ttl', '60')).toEqual({
      ...{ code: 0, stderr: '' },
      stdout: [
        'NAME         TYPE  TTL  DATA       OWNER',
        'www.example  A      60  192.0.2.1  root',
        'www.example  A      60  192.0.2.2  root',
        '',
      ].join('\n'),
    })
    expect((await under.dns.query('www.example', 'A')).answer).toHaveLength(2)
    await ask('record', 'add', 'www.example', 'A', '192.0.2.3')
    await ask('record', 'remove', 'WWW.example.', 'a', '192.0.2.1')
    expect(await json('record', 'get', 'www.example', 'A')).toMatchObject({ data: ['192.0.2.2', '192.0.2.3'], ttl: 60 })
    expect(await ask('record', 'delete', 'www.example', 'A')).toMatchObject({ code: 0 })
    expect((await under.dns.query('www.example', 'A')).rcode).toBe('NXDOMAIN')
  })

  it.each([
    ['MX', '10 mail.example', { preference: 10, exchange: 'mail.example' }],
    ['SRV', '1 2 3 host.example', { priority: 1, weight: 2, port: 3, target: 'host.example' }],
    ['TXT', 'v=spf1 -all', 'v=spf1 -all'],
    ['TXT', '"one" "two"', ['one', 'two']],
    ['CAA', '0 issue "ca.example"', { flags: 0, tag: 'issue', value: 'ca.example' }],
    ['AAAA', '2001:db8::1', '2001:db8::1'],
    ['A', '{"address":"192.0.2.1","weight":3}', { address: '192.0.2.1', weight: 3 }],
  ])('takes data of %s as people write it: %s', async (type, text, data) => {
    expect(await json('record', 'put', 'data.example', type, text)).toMatchObject({ rrsets: [{ type, data: [data] }] })
  })

  it('changes nothing that others have changed, or have made, meanwhile', async () => {
    const { etag } = await json('record', 'put', 'safe.example', 'A', '192.0.2.1').then(() =>
      json('record', 'get', 'safe.example', 'A'),
    )
    expect(await ask('record', 'put', 'safe.example', 'A', '192.0.2.2', '--if-match', etag)).toMatchObject({ code: 0 })
    const late = await ask('record', 'put', 'safe.example', 'A', '192.0.2.3', '--if-match', etag)
    expect(late).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('CDNS_PRECONDITION_FAILED') })
    expect(await ask('record', 'put', 'safe.example', 'A', '192.0.2.4', '--create')).toMatchObject({
      code: 1,
      stdout: '',
    })
    expect(await json('record', 'get', 'safe.example', 'A')).toMatchObject({ data: ['192.0.2.2'] })
  })

  it('lists more than a page, in order', async () => {
    const names = Array.from({ length: 1200 }, (_, i) => `n${String(i).padStart(4, '0')}.many.example`)
    await under.dns.records.put(names.map((name) => ({ name, type: 'A', data: ['192.0.2.1'] })))
    const { rrsets } = await json('record', 'list', 'many.example')
    expect(rrsets.map(({ name }: { name: string }) => name)).toEqual(names)
    expect((await json('record', 'list', 'many.example', '--limit', '7')).rrsets).toHaveLength(7)
  })

  it('applies a file, all of it or nothing', async () => {
    const file = join(folder, 'records.json')
    const good = { name: 'bulk.example', type: 'A', data: ['192.0.2.1'] }
    writeFileSync(file, JSON.stringify([good, { ...good, name: 'bulk.elsewhere' }]))
    const refused = await ask('record', 'apply', file)
    expect(refused).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('"index":1') })
    expect(await ask('record', 'get', 'bulk.example')).toMatchObject({ code: 1, stdout: '' })
    writeFileSync(file, JSON.stringify([good]))
    expect(await ask('record', 'apply', file)).toMatchObject({ code: 0 })
    expect((await under.dns.query('bulk.example', 'A')).answer).toHaveLength(1)
  })

  it('keeps a terminal from what records say', async () => {
    await under.dns.records.put({ name: 'evil.example', type: 'TXT', data: ['\u001b[2J'] })
    const { stdout } = await ask('record', 'get', 'evil.example')
    expect(stdout).toContain('\\027[2J')
    expect(stdout).not.toContain('\u001b')
  })
})

describe('the commands of a server', () => {
  it('show zones, and write them as zone files', async () => {
    await under.dns.records.put({
      name: 'mail.team.example',
      type: 'MX',
      ttl: 5,
      data: [{ preference: 1, exchange: 'a.example' }],
    })
    expect((await ask('zone', 'list')).stdout).toBe('ZONE\nexample\nteam.example\n')
    expect((await ask('zone', 'show', 'team.example')).stdout).toMatch(
      /views: default, office\n\nTYPE +RRSETS\nMX +1\n/,
    )
    expect((await ask('zone', 'export', 'team.example')).stdout).toBe('mail.team.example. 5 IN MX 1 a.example.\n')
  })

  it('set and show the health of addresses', async () => {
    expect(await ask('health', 'set', '192.0.2.9', 'unhealthy')).toMatchObject({ code: 0 })
    expect(under.dns.health.status('192.0.2.9')).toBe('unhealthy')
    expect((await ask('health', 'get', '192.0.2.9')).stdout).toBe('unhealthy\n')
    const [head, ...rows] = (await ask('health', 'list')).stdout.split('\n')
    expect(head).toMatch(/^ADDRESS +STATE +SINCE +SOURCE +REASON$/)
    expect(rows).toContainEqual(expect.stringMatching(/^192\.0\.2\.9 +unhealthy +\d{4}-\d\d-\d\dT\S+Z +program$/))
    expect((await json('health', 'get', '192.0.2.9')).source).toBe('program')
    expect(await ask('health', 'set', '192.0.2.9', 'tired')).toMatchObject({ code: 1, stdout: '' })
  })

  it('show figures and top names', async () => {
    expect((await json('stats')).ready).toBe(true)
    expect((await ask('stats')).stdout).toMatch(/^store\.kind +memory$/m)
    expect(await json('top', '-n', '3')).toHaveProperty('names')
  })
})

describe('a command that cannot do what it is asked', () => {
  it.each([
    ['without a token', ['record', 'list'], ''],
    ['with one that nobody has', ['record', 'list'], 'nobody-knows'],
    ['with one that is not for it', ['record', 'put', 'x.example', 'A', '192.0.2.1'], 'reader'],
    ['for a name in none of the zones', ['record', 'get', 'www.elsewhere'], 'root'],
    ['for what is not there', ['record', 'delete', 'missing.example', 'A'], 'root'],
    ['with data that is none', ['record', 'put', 'x.example', 'A', 'nonsense'], 'root'],
    ['with data in two lines', ['record', 'put', 'x.example', 'MX', '1 a.example\nx A 192.0.2.1'], 'root'],
    ['with a file that is not there', ['record', 'apply', '/nowhere'], 'root'],
    ['with a token file that is not there', ['stats', '--token-file', '/nowhere'], 'root'],
  ])('ends with 1, a reason and no output: %s', async (_, args, principal) => {
    const { code, stdout, stderr } = await run(args, as(principal))
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/^error: /)
  })

  it.each([
    ['CDNS_NAME_OUT_OF_ZONE', ['record', 'put', 'a.elsewhere', 'A', '192.0.2.1']],
    // Of no use to anybody: fetch refuses to ask there, and nobody listens there either.
    ['CDNS_API_UNREACHABLE', ['stats', '--server', 'http://127.0.0.1:1']],
  ])('has a code where it is not the API that refuses: %s', async (code, args) => {
    const { stderr } = await run(args, as('root'))
    expect(stderr).toMatch(new RegExp(`^error: .* \\(${code}\\)\n$`))
    expect(stderr).not.toContain('bad port')
  })

  it('says how a token is given, and takes a variable that is empty for none', async () => {
    const { code, stderr } = await run(['record', 'list'], {
      CONTAINERDNS_SERVER: under.api.url,
      CONTAINERDNS_TOKEN_FILE: '',
    })
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('--token-file or CONTAINERDNS_TOKEN'),
    })
    expect(stderr).toContain('CDNS_UNAUTHENTICATED')
    const root = { ...as('root'), CONTAINERDNS_TOKEN_FILE: '' }
    expect(await run(['record', 'list'], root)).toMatchObject({ code: 0 })
  })

  it('says what a server needs where none listens', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    await new Promise((resolve) => server.close(resolve))
    const { code, stderr } = await run(['stats', '--server', `http://127.0.0.1:${port}`])
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('--api') })
  })

  it('ends with 1 where nobody answers', async () => {
    const { code, stderr } = await run(['stats', '--server', 'http://127.0.0.1:1'])
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('http://127.0.0.1:1 cannot be asked'),
    })
  })

  it.each([
    [['record', 'put', 'x.example']],
    [['record', 'put', 'x.example', 'A', '192.0.2.1', '--ttl', 'long']],
    [['recrod', 'list']],
    [['stats', '--jsno']],
    [['serve', '--config', 'a', '--config-file', 'b']],
  ])('ends with 2 where the command line is wrong: %j', async (args) => {
    expect(await run(args, as('root'))).toMatchObject({ code: 2, stdout: '' })
  })

  it('takes its token from a file', async () => {
    const env = { CONTAINERDNS_SERVER: under.api.url, CONTAINERDNS_TOKEN_FILE: tokenFile }
    expect(await run(['zone', 'list'], env)).toMatchObject({ code: 0 })
  })
})
