import { fileURLToPath } from 'node:url'
import { defineConfig, mergeConfig } from 'vitest/config'
import base from '../../vitest.config.js'

const built = (file: string) => fileURLToPath(new URL(`../../build/dist-over-xdp/${file}`, import.meta.url))

/** What `run.mjs` reads. */
const RESULTS = 'build/over-xdp-results.json'

/** One file at a time: an interface has room for one server. */
export default mergeConfig(
  { ...base, resolve: {}, test: { ...base.test, reporters: ['default', ['json', { outputFile: RESULTS }]] } },
  defineConfig({
    root: fileURLToPath(new URL('../../', import.meta.url)),
    resolve: {
      alias: {
        'containerdns/testing': built('testing.js'),
        'containerdns/api': built('api.js'),
        'containerdns/kubernetes': built('kubernetes.js'),
        'containerdns/health': built('health.js'),
        containerdns: built('index.js'),
      },
    },
    test: {
      setupFiles: ['test/over-xdp/name-file.ts'],
      include: ['test/over-xdp/over-xdp.check.ts'],
      maxWorkers: 1,
      fileParallelism: false,
    },
  }),
)
