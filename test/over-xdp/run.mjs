import { spawnSync } from 'node:child_process'
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'

/**
 * `npm run test:xdp -- [files]`: tests that know nothing of AF_XDP, over it. As root: in a network namespace of its own, the loopback interface
 * gets the program, and the built package is copied with another default: `xdp` where `auto` or `batch` would be. Where a test starts a
 * second server, that one goes without, as an interface has room for one.
 */

const BUILD = 'build/dist-over-xdp'
const FILES = [
  'test/rfc',
  'test/limits',
  'test/interop',
  'test/fuzz',
  'test/views.test.ts',
  'test/selection.test.ts',
  'test/hooks',
]

/** Whether it is so. */
const CHECK = 'test/over-xdp'

const CHANGES = [
  [
    /function parseTransport\(given = "auto", xdp\) \{/,
    '$&\n  if (given === "auto" || given === "batch") given = "auto-xdp";\n  xdp ??= {};',
  ],
  [/function parseXdp\(given\) \{/, '$&\n  given ??= { interfaces: ["lo"] };'],
]

rmSync(BUILD, { recursive: true, force: true })
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
    env: { ...process.env, CONTAINERDNS_BUILT: '1' },
  },
)
process.exitCode = status ?? 1
