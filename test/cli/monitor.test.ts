import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.js'
import { Etcd } from '../support/start-etcd.js'
import { run } from './cli-process.js'

const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'containerdns-monitor-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** A command that runs until it is told to end; all it says on standard error. */
class Running implements AsyncDisposable {
  stderr = ''
  readonly child
  readonly ended

  constructor(...args: string[]) {
    this.child = spawn(process.execPath, [CLI, ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
    this.child.stderr.on('data', (text: Buffer) => {
      this.stderr += text.toString()
    })
    this.ended = once(this.child, 'close')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL')
    await this.ended
  }
}

describe('containerdns scanner and scheduler', () => {
  it.each(['scanner', 'scheduler'])('%s says by its exit code what was wrong', async (command) => {
    const faulty = join(folder, 'faulty.conf')
    writeFileSync(faulty, '[Etcd]\nno such line\n')
    const somewhere = ['--etcd', 'http://127.0.0.1:1']
    const codes = await Promise.all(
      [
        [],
        [...somewhere, '--lease', 'soon'],
        [...somewhere, '--lease', '1'],
        [...somewhere, '--name', 'a b'],
        [...somewhere, '--log-format', 'xml'],
        ['--config-file', join(folder, 'missing.conf')],
        ['--config-file', faulty],
        [...somewhere, '--log-file', join(folder, 'missing', 'log')],
      ].map(async (flags) => (await run([command, ...flags])).code),
    )
    expect(codes).toEqual([2, 2, 2, 2, 2, 1, 1, 1])
  })

  it.each<[string, string[], string, string]>([
    ['scanner', ['--lease', '1'], '--lease ', 'CDNS_OPTION_INVALID'],
    ['scanner', ['--interval', '1'], '--interval ', 'CDNS_OPTION_INVALID'],
    ['scanner', ['--ports', '0'], '--ports', 'CDNS_OPTION_INVALID'],
    ['scanner', ['--metrics', '127.0.0.1:65536'], '--metrics', 'CDNS_OPTION_INVALID'],
    ['scanner', ['--etcd', 'http://192.0.2.1:2379,https://192.0.2.2:2379'], '--etcd ', 'CDNS_OPTION_INVALID'],
    ['scheduler', ['--name', 'a b'], '--name ', 'CDNS_OPTION_INVALID'],
    ['scheduler', ['--quorum', '3/2'], '--quorum: down ', 'CDNS_OPTION_INVALID'],
    ['scheduler', ['--prefix', 'x'], '--prefix ', 'CDNS_OPTION_INVALID'],
  ])('%s %j says which flag is wrong, as every command does, and in its log', async (command, flags, said, code) => {
    const { code: exitCode, stdout, stderr } = await run([command, '--etcd', 'http://127.0.0.1:1', ...flags])
    const [sentence, log] = stderr.split('\n')
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
    expect(sentence).toMatch(/^error: .* \(CDNS_\w+\)$/)
    expect(sentence!.slice('error: '.length)).toSatisfy((text: string) => text.startsWith(said) && text.includes(code))
    expect(JSON.parse(log!)).toMatchObject({ level: 60, code })
  })

  it.each(['scanner', 'scheduler'])('%s names the file that is wrong', async (command) => {
    const missing = join(folder, 'missing.conf')
    const { stderr } = await run([command, '--config-file', missing])
    expect(stderr).toMatch(/^error: .*missing\.conf cannot be read.* \(CDNS_CONFIG_INVALID\)\n/)
  })

  it('have defaults and examples in their help', async () => {
    const [scanner, scheduler] = await Promise.all(['scanner', 'scheduler'].map((name) => run([name, '--help'])))
    expect(scanner!.stdout.replace(/\s+/g, ' ')).toMatch(
      /an address is down \(default: 3\).*Examples: containerdns scanner/,
    )
    expect(scheduler!.stdout.replace(/\s+/g, ' ')).toMatch(
      /without a word \(default: 10\).*Examples: containerdns scheduler/,
    )
  })

  it('log under keys of their own, and end with 0 on SIGTERM', async () => {
    await using etcd = await Etcd.start()
    await using scheduler = new Running('scheduler', '--etcd', etcd.host, '--name', 'first')
    await eventually(() => expect(scheduler.stderr).toContain('this scheduler leads'))
    scheduler.child.kill('SIGTERM')
    expect((await scheduler.ended)[0]).toBe(0)
    const lines = scheduler.stderr.trim().split('\n')
    const leads = JSON.parse(lines.find((line) => line.includes('this scheduler leads'))!)
    expect(leads).toMatchObject({ name: 'containerdns', scheduler: 'first' })
    for (const line of lines) expect(line.match(/"name":/g)).toHaveLength(1)
    expect(lines.at(-1)).toContain('stopped')
  })

  it('say over HTTP what they do, where they are told to', async () => {
    await using etcd = await Etcd.start()
    const url = (text: string) => /"metrics":"([^"]+)"/.exec(text)?.[1]
    for (const command of ['scanner', 'scheduler']) {
      await using agent = new Running(command, '--etcd', etcd.host, '--metrics', '127.0.0.1:0')
      await eventually(() => expect(url(agent.stderr)).toBeDefined())
      expect(await (await fetch(url(agent.stderr)!)).text()).toContain(`containerdns_${command}_`)
      agent.child.kill('SIGTERM')
      expect((await agent.ended)[0]).toBe(0)
      await expect(fetch(url(agent.stderr)!)).rejects.toThrow()
    }
  })

  it('end with 1 where the port for that is taken, and with 2 where it is none', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as AddressInfo
    const codes = await Promise.all(
      [`127.0.0.1:${port}`, '127.0.0.1:65536', 'nowhere'].map(
        async (where) => (await run(['scheduler', '--etcd', 'http://127.0.0.1:1', '--metrics', where])).code,
      ),
    )
    taken.close()
    expect(codes).toEqual([1, 2, 2])
  })

  it('log as text to a file that somebody may move', async () => {
    await using etcd = await Etcd.start()
    const file = join(folder, 'scanner.log')
    const written = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8') : '')
    await using scanner = new Running('scanner', '--etcd', etcd.host, '--log-file', file, '--log-format', 'text')
    await eventually(() => expect(written(file)).toMatch(/^\S+Z info {2}running$/m))
    renameSync(file, `${file}.1`)
    scanner.child.kill('SIGHUP')
    await eventually(() => expect(existsSync(file)).toBe(true))
    scanner.child.kill('SIGTERM')
    expect((await scanner.ended)[0]).toBe(0)
    expect(written(file)).toMatch(/ info {2}stopped$/m)
    expect(scanner.stderr).toBe('')
  })
})
