import { defineConfig } from 'tsup'

/** Node cannot run TypeScript: the bench's processes are built beside each other, two folders deep as they are here. */
export default defineConfig({
  entry: {
    run: 'test/bench/run.ts',
    'load-generator': 'test/bench/load/load-generator.ts',
    'edit-load': 'test/bench/load/edit-load.ts',
    'kubernetes-sync': 'test/bench/kubernetes-sync.ts',
    'our-server': 'test/bench/servers/our-server.ts',
    'api-server': 'test/bench/servers/api-server.ts',
    'echo-server': 'test/bench/servers/echo-server.ts',
    queries: 'test/bench/micro/queries.ts',
    'life-probe': 'test/bench/probes/life-probe.ts',
  },
  // The package by its own name: what ships is measured.
  external: [/^containerdns/],
  outDir: 'build/bench',
  format: ['esm'],
  target: 'node20',
  platform: 'node',
  splitting: false,
  sourcemap: true,
})
