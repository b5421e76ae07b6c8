import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { run } from './cli-process.js'

const EXAMPLES = fileURLToPath(new URL('../../docs/examples/', import.meta.url))
const configs = readdirSync(EXAMPLES).filter((file) => /\.(?:ya?ml|json|conf)$/.test(file))
const folder = mkdtempSync(join(tmpdir(), 'containerdns-check-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** How a comment of an example says that it is tested on any host, where that takes more than its name. */
function saidIn(example: string): { readonly env: NodeJS.ProcessEnv; readonly flags: readonly string[] } {
  const [, variables = '', flags = ''] = /^# ((?:\w+=\S+ )*)containerdns check ((?:--\S+ )*)\S+$/m.exec(example) ?? []
  const words = (text: string) => text.split(' ').filter((word) => word !== '')
  return { env: Object.fromEntries(words(variables).map((each) => each.split('='))), flags: words(flags) }
}

describe('containerdns check', () => {
  it.each(configs)('finds docs/examples/%s right', async (file) => {
    const path = join(EXAMPLES, file)
    const { env, flags } = saidIn(readFileSync(path, 'utf8'))
    expect(await run(['check', path, ...flags], env)).toMatchObject({
      ...{ code: 0, stderr: '' },
      stdout: expect.stringContaining(`${path} is right\n`),
    })
  })

  it('ends with 1, and names file, line and key', async () => {
    const file = join(folder, 'wrong.yaml')
    writeFileSync(file, 'zones: [example.org]\nnegativTtl: 3\n')
    const { code, stdout, stderr } = await run(['check', file])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain(`${file}, line 2: `)
    expect(stderr).toContain('negativeTtl')
  })

  it('names all that is wrong at once, each with its line, its path and its code', async () => {
    const file = join(folder, 'many.yaml')
    writeFileSync(
      file,
      'zones: [a..b]\nnegativTtl: 3\nlisten:\n  - { port: many }\n  - port: 853\n    protocols: [dot]\n    tls: { cert: no.crt, key: no.key }\n',
    )
    const faults = [
      { file, line: 1, path: 'zones[0]', code: 'CDNS_ZONE_INVALID' },
      { file, line: 2, path: 'negativTtl', code: 'CDNS_OPTION_UNKNOWN' },
      { file, line: 4, path: 'listen[0].port', code: 'CDNS_OPTION_INVALID' },
      { file, line: 7, path: 'listen[1].tls.cert', code: 'CDNS_CERTIFICATE_MISSING' },
    ]
    const { code, stdout, stderr } = await run(['check', file])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    const said = /^error: (\S+), line (\d+): .* \((CDNS_\w+)\)$/
    expect(
      stderr
        .trimEnd()
        .split('\n')
        .map((line) => said.exec(line)?.slice(1)),
    ).toEqual(faults.map((fault) => [fault.file, String(fault.line), fault.code]))
    const asJson = await run(['check', '--json', file])
    expect(asJson).toMatchObject({ code: 1, stderr: '' })
    expect(JSON.parse(asJson.stdout)).toMatchObject({ file, isRight: false, faults })
  })

  it('has the same to say in JSON of a file that is no YAML, or is not there', async () => {
    const file = join(folder, 'no.yaml')
    writeFileSync(file, 'zones: [\n')
    const { code, stdout } = await run(['check', '--json', file])
    expect({ code, ...JSON.parse(stdout) }).toMatchObject({
      ...{ code: 1, isRight: false },
      faults: [{ file, line: 2, path: '', code: 'CDNS_CONFIG_INVALID' }],
    })
    writeFileSync(file, 'zones: [example.org]\nstore: &store\n  memory: *store\n')
    const circle = await run(['check', '--json', file])
    expect({ code: circle.code, ...JSON.parse(circle.stdout) }).toMatchObject({
      ...{ code: 1, isRight: false },
      faults: [{ file, line: 3, path: '', code: 'CDNS_CONFIG_INVALID' }],
    })
    const missing = await run(['check', '--json', join(folder, 'missing.yaml')])
    expect({ code: missing.code, ...JSON.parse(missing.stdout) }).toMatchObject({ code: 1, faults: [{ path: '' }] })
  })

  it('says what a server says that is started with the file, and both end with 1', async () => {
    const file = join(folder, 'both.yaml')
    writeFileSync(file, 'zones: [a..b]\nnegativTtl: 3\n')
    const checked = await run(['check', file])
    const served = await run(['serve', '--config', file])
    expect([checked.code, served.code]).toEqual([1, 1])
    expect(checked.stderr).toMatch(/^error: /)
    const [log, ...sentences] = served.stderr.trimEnd().split('\n').reverse()
    expect(`${sentences.reverse().join('\n')}\n`).toBe(checked.stderr)
    // Programs read the log.
    expect(JSON.parse(log!)).toMatchObject({ level: 60, code: 'CDNS_CONFIG_INVALID' })
  })

  it.each(['serve', 'api'])(
    'says what %s says of values and of files together, also while a port is taken',
    async (command) => {
      await using taken = createServer().listen(0, '127.0.0.1')
      await once(taken, 'listening')
      const { port } = taken.address() as AddressInfo
      const config = (name: string, more: string) => {
        const file = join(folder, `${command}-${name}.yaml`)
        const files =
          'hooks: { onQuery: no.mjs }\nstore: { memory: { hostsFile: no.hosts } }\nlog: { file: none/log }\n'
        const token = 'api:\n  auditFile: none/audit\n'
        writeFileSync(file, `listen: { port: ${port} }\n${files}${token}${more}`)
        return file
      }
      const files = [config('files', ''), config('both', '  tokens: [{ principal: me, hash: none }]\nnegativTtl: 3\n')]
      for (const [i, file] of files.entries()) {
        const [checked, served] = await Promise.all([run(['check', file]), run([command, '--config', file])])
        expect([checked.code, served.code]).toEqual([1, 1])
        const sentences = served.stderr.split('\n').filter((line) => line.startsWith('error: '))
        expect(sentences).toEqual(checked.stderr.trimEnd().split('\n'))
        expect(sentences).toHaveLength(i === 0 ? 4 : 6)
        expect(served.stderr.includes(' api.tokens[0]: ')).toBe(i === 1)
        for (const each of sentences) expect(each).toMatch(/, line \d+: .* \(CDNS_\w+\)$/)
      }
    },
  )

  it('leaves the environment out where it is told to', async () => {
    const file = join(EXAMPLES, 'minimal.yaml')
    const env = { CONTAINERDNS_NEGATIVE_TTL: 'long' }
    expect(await run(['check', file], env)).toMatchObject({ code: 1 })
    expect(await run(['check', '--no-env', '--json', file], env)).toMatchObject({
      ...{ code: 0 },
      stdout: `${JSON.stringify({ file, isRight: true, ignored: [] })}\n`,
    })
  })
})
