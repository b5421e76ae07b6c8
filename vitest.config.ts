import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { SecondAttempts } from './test/support/second-attempts.js'

const { CI } = process.env

const built = (file: string) => fileURLToPath(new URL(`dist/${file}`, import.meta.url))

export default defineConfig({
  // Whoever starts threads tests what ships.
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
    include: ['test/**/*.test.ts'],
    // The second one is for `.ci/run`.
    reporters: ['default', ['json', { outputFile: 'build/test-results.json' }], new SecondAttempts()],
    // A machine shared with strangers: what fails once there is tried again, and named. Not a property: what it has found is so, whatever is tried next.
    retry: CI ? { count: 1, condition: /^(?!Property failed)/ } : 0,
    globalSetup: ['test/support/build-for-tests.ts'],
    // Threads, processes and etcd: a file at a time per core, each test with room for a slow machine.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
})
