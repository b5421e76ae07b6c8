import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'

/**
 * `npm run test:xdp -- [files]`: tests that know nothing of AF_XDP, over it. As root: in a network namespace of its own, the loopback interface
 * gets the program, and the built package is copied with another default: `xdp` where `auto` or `batch` would be. Where a test starts a
 * second server, that one goes without, as an interface has room for one. The copy notes what each server has received over AF_XDP: a file
 * of whose servers none has received anything did not test it, and fails the run.
 */

const BUILD = 'build/dist-over-xdp'
const REPORT = 'build/over-xdp-report.jsonl'
const RESULTS = 'build/over-xdp-results.json'
/** Those whose servers are asked over UDP. Others of the same folders ask without a server, or over streams alone. */
const FILES = [
  ...testsIn('rfc', 'ednscomp', 'rfc4892', 'rfc7766', 'rfc7828', 'rfc7873', 'rfc8906'),
  ...testsIn('interop', 'differential', 'forwarding/forwarding'),
  ...testsIn('fuzz', 'datagrams'),
  ...testsIn('.', 'views', 'selection', 'server', 'main-job'),
  ...testsIn('hooks', 'hooks', 'hooks-and-limits', 'late-hooks', 'module-hooks'),
  ...testsIn('server', 'reload'),
  ...testsIn('cluster', 'host-limits', 'stream-thread', 'supervisor'),
  ...testsIn('forward', 'aliases', 'cache-key', 'closing', 'forged-replies', 'forwarding', 'forwarding-failures'),
  ...testsIn('forward', 'odd-replies', 'reload', 'upstream-faults', 'upstream-storms'),
  ...testsIn('export', 'dnstap', 'query-log'),
  ...testsIn('metrics', 'measurements'),
  ...testsIn('prometheus', 'prometheus-text'),
  ...testsIn('kubernetes', 'specification'),
  ...testsIn('publish', 'replace-all'),
  ...testsIn('testing', 'create-test-server'),
]

/** Whether it is so. */
const CHECK = 'test/over-xdp'

/** What a server of the copy notes, in a line; `OVER_XDP_FILE` is the test's, by `name-file.ts`. */
const note = (what) =>
  `process.getBuiltinModule("node:fs").appendFileSync(process.env.OVER_XDP_REPORT, JSON.stringify({ file: process.env.OVER_XDP_FILE, ${what} }) + "\\n");`

const CHANGES = [
  [
    /function parseTransport\(given = "auto", xdp\) \{/,
    '$&\n  if (given === "auto" || given === "batch") given = "auto-xdp";\n  xdp ??= {};',
  ],
  [/function parseXdp\(given\) \{/, '$&\n  given ??= { interfaces: ["lo"] };'],
  [
    /if \(this\.#isClosed\) return;\n(?=\s+this\.#giveUp\(\);\n\s+this\.#kernel\.close\(\);)/,
    `$&${note('received: this.stats().queues.reduce((total, { received }) => total + received, 0)')}\n`,
  ],
  [/\n\s+kernel\.reason = `xdp does not work here/, `\n${note('fellBack: error.code')}$&`],
]

rmSync(BUILD, { recursive: true, force: true })
for (const file of [REPORT, RESULTS]) rmSync(file, { force: true })
cpSync('dist', BUILD, { recursive: true })
const files = readdirSync(BUILD).filter((file) => /\.c?js$/.test(file))
for (const [pattern, replacement] of CHANGES) {
  const found = files.filter((file) => {
    const before = readFileSync(`${BUILD}/${file}`, 'utf8')
    const after = before.replace(pattern, replacement)
    writeFileSync(`${BUILD}/${file}`, after)
    return after !== before
  })
  if (found.length === 0) throw new Error(`nothing in dist looks like ${pattern}; it has to be built first`)
}

// What comes over loopback from a loopback address is believed to have been made up, once the kernel has not sent it itself.
const settings = ['route_localnet', 'accept_local'].flatMap((name) =>
  ['all', 'lo'].map((on) => `net.ipv4.conf.${on}.${name}=1`),
)
const commands = [
  'ip link set lo up',
  `sysctl -qw ${settings.join(' ')} net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.lo.rp_filter=0`,
  'exec npx vitest run --config test/over-xdp/vitest.config.ts "$@"',
].join(' && ')
const given = process.argv.slice(2)
const { status } = spawnSync(
  'unshare',
  ['-n', 'sh', '-c', commands, 'sh', CHECK, ...(given.length > 0 ? given : FILES)],
  {
    stdio: 'inherit',
    env: { ...process.env, CONTAINERDNS_BUILT: '1', OVER_XDP_REPORT: REPORT },
  },
)
process.exitCode = report() ? (status ?? 1) : 1

function testsIn(folder, ...names) {
  return names.map((name) => join('test', folder, `${name}.test.ts`))
}

/** Says what went over AF_XDP, and whether something did in each file. */
function report() {
  const counts = new Map()
  const ran = JSON.parse(readFileSync(RESULTS, 'utf8')).testResults
  for (const { name } of ran) counts.set(relative('.', name), { servers: 0, received: 0, fellBack: 0 })
  const lines = existsSync(REPORT) ? readFileSync(REPORT, 'utf8').trim().split('\n') : []
  for (const { file, received = 0, fellBack } of lines.map((line) => JSON.parse(line))) {
    const count = counts.get(file)
    count.received += received
    count[fellBack === undefined ? 'servers' : 'fellBack']++
  }
  const row = (...cells) => process.stdout.write(`${cells.map((cell) => String(cell).padStart(9)).join(' ')}`)
  row('servers', 'datagrams', 'without', ' over AF_XDP, and without where the interface was taken\n')
  for (const [file, { servers, received, fellBack }] of [...counts].sort())
    row(servers, received, fellBack, ` ${file}\n`)
  const idle = [...counts].filter(([, { received }]) => received === 0).map(([file]) => file)
  if (idle.length > 0) process.stderr.write(`nothing came over AF_XDP in ${idle.join(', ')}\n`)
  return idle.length === 0
}
