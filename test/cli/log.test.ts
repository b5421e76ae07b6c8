import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { LogFile } from '../../lib/cli/log-file.js'
import { textLine } from '../../lib/cli/text-line.js'
import { eventually } from '../support/eventually.js'
import { run } from './cli-process.js'
import { Serve } from './serve-process.js'

const folder = mkdtempSync(join(tmpdir(), 'containerdns-log-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('the log of a command', () => {
  it('goes to a file, which somebody may move', async () => {
    const [file, audits] = [join(folder, 'serve.log'), join(folder, 'audit.log')]
    const env = { ...process.env, CONTAINERDNS_API__AUDIT_FILE: audits }
    await using serve = new Serve(
      { env },
      '--log-file',
      file,
      '--log-format',
      'text',
      '--zone',
      'example',
      '--api',
      '127.0.0.1:0',
    )
    const lines = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8') : '')
    const said = (text: string) => eventually(() => expect(lines(file)).toContain(text))
    await said('answering')
    expect(lines(file)).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z info {2}.*answering .*names=0/m)
    const server = /api=(http:\S+)/.exec(lines(file))![1]!
    const put = (name: string) => run(['record', 'put', `${name}.example`, 'A', '192.0.2.1', '--server', server])
    expect(await put('one')).toMatchObject({ code: 0 })
    renameSync(file, `${file}.1`)
    renameSync(audits, `${audits}.1`)
    serve.child.kill('SIGHUP')
    await said('read the config and the records again')
    expect(await put('two')).toMatchObject({ code: 0 })
    await eventually(() => expect(lines(audits)).toContain('two.example'))
    expect(lines(`${audits}.1`)).toContain('one.example')
    expect(lines(audits)).not.toContain('one.example')
    serve.child.kill('SIGTERM')
    await serve.ended
    expect(lines(file)).toContain('stopped')
    expect(serve.lines).toEqual([])
  })

  it('cannot be in a folder that is not there', async () => {
    const { code, stdout, stderr } = await run(['serve', '--log-file', join(folder, 'missing', 'x.log')])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain('the log cannot be opened')
  })

  it.each([
    ['a flag', { flags: ['--log-format', 'text'], env: {}, file: 'zones: 5\n' }],
    ['the environment', { flags: [], env: { CONTAINERDNS_LOG__FORMAT: 'text' }, file: 'zones: 5\n' }],
    ['the config', { flags: [], env: {}, file: 'zones: 5\nlog: { format: text }\n' }],
    ['a flag, of a config that is no YAML', { flags: ['--log-format', 'text'], env: {}, file: 'zones: [\n' }],
  ])('has a fault of a config as %s says', async (_, { flags, env, file }) => {
    const path = join(folder, 'wrong.yaml')
    writeFileSync(path, file)
    for (const command of ['serve', 'api']) {
      const { code, stderr } = await run([command, '--config', path, ...flags], env)
      expect(code).toBe(1)
      expect(stderr).toMatch(/^\d{4}-\d\d-\d\dT\S+ fatal could not start: .*wrong\.yaml.* code=CDNS_CONFIG_INVALID$/m)
    }
  })

  it('says at the end what was done, and nothing of what was not', async () => {
    await using serve = new Serve({}, '--zone', 'example')
    await using client = await serve.client()
    await client.ask('absent.example')
    serve.child.kill('SIGTERM')
    await serve.ended
    const stopped = serve.lines.find(({ msg }) => msg === 'stopped') as unknown as { counters: object }
    expect(stopped).toMatchObject({ queries: 1, responses: 1, dropped: 0, counters: { NXDOMAIN: 1 } })
    expect(Object.values(stopped.counters)).not.toContain(0)
  })

  it('goes on where it is while a new file cannot be opened', () => {
    const path = join(folder, 'kept.log')
    const log = LogFile.open(path)
    log.write('one\n')
    renameSync(path, `${path}.1`)
    mkdirSync(path)
    log.reopen()
    log.write('two\n')
    rmdirSync(path)
    log.reopen()
    log.write('three\n')
    expect([readFileSync(`${path}.1`, 'utf8'), readFileSync(path, 'utf8')]).toEqual(['one\ntwo\n', 'three\n'])
  })
})

describe('a line for people', () => {
  const line = (rest: object) =>
    textLine(JSON.stringify({ level: 40, time: 0, pid: 1, hostname: 'h', name: 'n', msg: 'said', ...rest }))

  it('begins with time, level and sentence, and ends with what there is to know', () => {
    expect(line({ names: 3, url: 'http://[::1]:1', why: 'a b', list: [1] })).toBe(
      '1970-01-01T00:00:00.000Z warn  said names=3 url="http://[::1]:1" why="a b" list=[1]\n',
    )
    expect(line({ err: { type: 'Error', stack: 'Error: no\n    at a\n    at b' } })).toBe(
      '1970-01-01T00:00:00.000Z warn  said\n    Error: no\n    at a\n    at b\n',
    )
  })

  it('is one line, and tells a terminal nothing', () => {
    expect(line({ msg: 'a\nb\u001b[2J', x: '\u009b2J' })).toBe(
      '1970-01-01T00:00:00.000Z warn  a\\x0ab\\x1b[2J x="\\x9b2J"\n',
    )
  })
})
