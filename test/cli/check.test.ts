import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { run } from './cli-process.js'

const EXAMPLES = fileURLToPath(new URL('../../docs/examples/', import.meta.url))
const configs = readdirSync(EXAMPLES).filter((file) => /\.(?:ya?ml|json|conf)$/.test(file))
const folder = mkdtempSync(join(tmpdir(), 'containerdns-check-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('containerdns check', () => {
  it.each(configs)('finds docs/examples/%s right', async (file) => {
    const env = { CONTAINERDNS_STORE__ETCD__AUTH__PASSWORD: 'x' }
    const path = join(EXAMPLES, file)
    expect(
      await run(['check', path, ...(file === 'etcd.yaml' ? ['--no-files'] : [])], file === 'etcd.yaml' ? env : {}),
    ).toMatchObject({
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
