import { readdirSync } from 'node:fs'
import { build } from 'tsup'

/** Where test threads are built to; Node 20 cannot start a `.ts` file as a worker. */
export const TEST_WORKERS = new URL('../../build/test-workers/', import.meta.url)

/** vitest's global set-up: builds the product (unless `npm test` has just done so) and every `test/**\/*.worker.ts`. */
export default async function buildForTests(): Promise<void> {
  if (process.env['CONTAINERDNS_BUILT'] !== '1') await build({ silent: true, dts: false, clean: false })
  const workers = readdirSync(new URL('..', import.meta.url), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.worker.ts'))
    .map((file) => `test/${file}`)
  if (workers.length === 0) return
  await build({
    config: false,
    entry: Object.fromEntries(workers.map((file) => [file.replace(/^.*\//, '').replace(/\.ts$/, ''), file])),
    outDir: 'build/test-workers',
    format: ['esm'],
    target: 'node20',
    platform: 'node',
    splitting: false,
    sourcemap: true,
    silent: true,
  })
}
