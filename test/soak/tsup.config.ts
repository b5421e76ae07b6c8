import { readdirSync } from 'node:fs'
import { defineConfig } from 'tsup'

const soaks = readdirSync('test/soak').filter((file) => file.endsWith('.soak.ts'))

/** Node cannot run TypeScript: soaks, their processes and the threads that fail on demand are built beside each other. */
export default defineConfig({
  entry: {
    run: 'test/soak/run.ts',
    ...Object.fromEntries(soaks.map((file) => [file.replace(/\.ts$/, ''), `test/soak/${file}`])),
    'load-generator': 'test/bench/load/load-generator.ts',
    'our-server': 'test/bench/servers/our-server.ts',
    'mixed-load': 'test/soak/forward/mixed-load.ts',
    'monitor-host': 'test/soak/monitor/monitor-host.ts',
    'xdp-server': 'test/soak/xdp/xdp-server.ts',
    'xdp-flood': 'test/soak/xdp/xdp-flood.ts',
    'change-load': 'test/soak/kube-apiserver/change-load.ts',
    'sync-server': 'test/soak/kube-apiserver/sync-server.ts',
    'churn-server': 'test/soak/churn/churn-server.ts',
    'faulty-dns.worker': 'test/cluster/faulty-dns.worker.ts',
    'faulty-stream.worker': 'test/cluster/faulty-stream.worker.ts',
  },
  outDir: 'build/soak',
  format: ['esm'],
  target: 'node20',
  platform: 'node',
  splitting: false,
  // The package finds itself by its name: what is tested is the build, which has its workers beside it.
  external: ['containerdns', 'containerdns/health', 'containerdns/kubernetes'],
  sourcemap: true,
})
