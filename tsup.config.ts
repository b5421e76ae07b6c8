import { defineConfig, type Options } from 'tsup'

const shared: Options = {
  target: 'node20',
  platform: 'node',
  sourcemap: true,
  treeshake: true,
  minify: false,
}

/**
 * esbuild writes the constants and classes of a bundled module as `var`, which V8 has to read again wherever one is used; those written as `const`, it
 * knows when it compiles. They are told by their names: what is written in capitals, or begins with one, is never assigned to.
 */
const constants: NonNullable<Options['plugins']>[number] = {
  name: 'constants',
  renderChunk: (code) => ({ code: code.replace(/^var (?=[A-Z][A-Za-z0-9_]* = |[[{])/gm, 'const ') }),
}

export default defineConfig([
  {
    ...shared,
    // Entries stand at the root of dist, workers in dist/workers: threads/worker-files.ts counts on it.
    entry: {
      index: 'lib/index.ts',
      testing: 'lib/testing.ts',
      api: 'lib/api.ts',
      kubernetes: 'lib/kubernetes.ts',
      health: 'lib/health.ts',
    },
    format: ['esm', 'cjs'],
    shims: true,
    dts: { compilerOptions: { ignoreDeprecations: '6.0' } },
    outDir: 'dist',
  },
  {
    ...shared,
    entry: {
      cli: 'lib/cli.ts',
      apicmd: 'lib/apicmd.ts',
      'workers/dns-worker': 'workers/dns-worker.ts',
      'workers/stream-worker': 'workers/stream-worker.ts',
      'workers/forward-worker': 'workers/forward-worker.ts',
      'workers/export-worker': 'workers/export-worker.ts',
      'workers/loader': 'workers/loader.ts',
      'workers/probe-worker': 'workers/probe-worker.ts',
    },
    format: ['esm'],
    splitting: false,
    plugins: [constants],
    outDir: 'dist',
  },
  {
    // The page, for browsers of the last two years: all that it needs is in its files, and packages that it uses are nobody else's.
    entry: { app: 'lib/ui/app.tsx' },
    tsconfig: 'lib/ui/tsconfig.json',
    publicDir: 'lib/ui/public',
    format: ['esm'],
    target: 'es2022',
    platform: 'browser',
    noExternal: [/.*/],
    splitting: false,
    minify: true,
    outDir: 'dist/ui',
  },
])
