import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'containerdns-package-'))
let tarball = ''

function run(cwd: string, command: string, ...args: string[]): string {
  return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 120_000 })
}

/** What a user of the package would write; it prints the answer to a query. */
const USE = `
  const server = await createContainerDns({ zones: ['example'], listen: { port: 0 } })
  await server.records.put({ name: 'www.example', type: 'A', data: ['192.0.2.1'] })
  const { answer } = await server.query('www.example', 'A')
  await server.close()
  const test = await createTestServer({ rrsets: [{ name: 'a.test', type: 'A', data: ['192.0.2.2'] }] })
  const second = await test.query('a.test', 'A')
  await test.close()
  const api = await startApi({ store: memoryStore(), listen: { port: 0 } })
  const { status } = await fetch(api.url + '/health')
  await api.close()
  console.log(answer[0].data, second.answer[0].data, status)`

beforeAll(() => {
  // The product has been built; what is packed is what was tested.
  const [packed] = JSON.parse(run(ROOT, 'npm', 'pack', '--ignore-scripts', '--json', '--pack-destination', folder)) as [
    { filename: string },
  ]
  tarball = join(folder, packed.filename)
  writeFileSync(join(folder, 'package.json'), '{ "private": true }')
  run(folder, 'npm', 'install', '--no-audit', '--no-fund', '--prefer-offline', tarball)
}, 180_000)

afterAll(() => rmSync(folder, { recursive: true }))

describe('the package, installed in an empty folder', () => {
  it('works from ESM', () => {
    const script = `
      import { createContainerDns, memoryStore } from 'containerdns'
      import { startApi } from 'containerdns/api'
      import { createTestServer } from 'containerdns/testing'${USE}`
    writeFileSync(join(folder, 'use.mjs'), script)
    expect(run(folder, process.execPath, 'use.mjs')).toBe('192.0.2.1 192.0.2.2 200\n')
  })

  it('works from CommonJS', () => {
    const script = `
      const { createContainerDns, memoryStore } = require('containerdns')
      const { startApi } = require('containerdns/api')
      const { createTestServer } = require('containerdns/testing')
      ;(async () => {${USE}})()`
    writeFileSync(join(folder, 'use.cjs'), script)
    expect(run(folder, process.execPath, 'use.cjs')).toBe('192.0.2.1 192.0.2.2 200\n')
  })

  it('loads nothing of the API for those who want DNS alone', () => {
    // What is CommonJS stands in the cache of require, however it came in.
    const countIn = (entry: string) => {
      const script = `
        import { createRequire } from 'node:module'
        await import('${entry}')
        const files = Object.keys(createRequire(import.meta.url).cache)
        console.log(files.filter((file) => /node_modules.(@?fastify|ajv)/.test(file)).length)`
      writeFileSync(join(folder, 'count.mjs'), script)
      return Number(run(folder, process.execPath, 'count.mjs'))
    }
    expect(countIn('containerdns')).toBe(0)
    expect(countIn('containerdns/api')).toBeGreaterThan(10)
  })

  it('has a command', () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
    expect(run(folder, join(folder, 'node_modules/.bin/containerdns'), '--version')).toBe(`${version}\n`)
  })

  it('holds what it should, and nothing of the checkout', () => {
    const files = run(folder, 'tar', 'tzf', tarball).trim().split('\n')
    expect(
      files.filter(
        (file) => !/^package\/(dist|docs)\/|^package\/(package\.json|README\.md|LICENSE|CHANGELOG\.md)$/.test(file),
      ),
    ).toEqual([])
    expect(files).toContain('package/dist/workers/dns-worker.js')
    expect(files).toContain('package/dist/workers/stream-worker.js')
    expect(files).toContain('package/LICENSE')
  })

  it('passes publint and attw', () => {
    run(ROOT, 'npx', 'publint', 'run', tarball, '--strict')
    run(ROOT, 'npx', 'attw', tarball)
  })
})
