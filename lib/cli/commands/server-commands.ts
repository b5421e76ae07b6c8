import { type Command, Option } from 'commander'
import { queryOf } from '../api-client.js'
import { write, writeJson } from '../outcome.js'
import { table } from '../table.js'
import { type ApiFlags, clientFor, withApiOptions } from './api-options.js'
import { wholeNumber } from './arguments.js'

/** `containerdns health`, `cache`, `stats`, `top` and `reload`: what a running server knows and has done. */
export function addServerCommands(program: Command): void {
  const health = program
    .command('health')
    .description('which addresses are alive; unhealthy ones leave the answers at once')
  withApiOptions(health.command('list').description('addresses that are known to be healthy or unhealthy')).action(
    listHealth,
  )
  withApiOptions(health.command('get').description('one address'))
    .argument('<address>', 'IPv4 or IPv6')
    .action(getHealth)
  withApiOptions(
    health.command('set').description('says whether an address is healthy; a scanner may say something else later'),
  )
    .argument('<address>', 'IPv4 or IPv6')
    .argument('<state>', 'healthy, unhealthy or unknown')
    .action(setHealth)
  const cache = program.command('cache').description('answers of upstreams that are remembered')
  withApiOptions(cache.command('flush').description('forgets them, of a name or all'))
    .argument('[name]', 'left out: all')
    .action(flush)
  withApiOptions(program.command('stats').description('what the server is and has done')).action(stats)
  withApiOptions(program.command('top').description('the names that are asked for most'))
    .addOption(new Option('-n, --count <count>', 'how many').argParser(wholeNumber).default(10))
    .action(top)
  withApiOptions(
    program
      .command('reload')
      .description('have the server read its config and its files of records again, all or nothing'),
  ).action(reload)
}

async function listHealth(flags: ApiFlags): Promise<void> {
  const { body } = await clientFor(flags).ask('GET', '/v1/health')
  if (flags.json) writeJson(body)
  else {
    const rows = body.addresses.map(({ address, state, since = '', source = '', reason = '' }: KnownAddress) => [
      ...[address, state, since, source, reason],
    ])
    write(table(['ADDRESS', 'STATE', 'SINCE', 'SOURCE', 'REASON'], rows, 'nothing is known of any address'))
  }
}

interface KnownAddress {
  readonly address: string
  readonly state: string
  readonly since?: string
  readonly source?: string
  readonly reason?: string
}

async function getHealth(address: string, flags: ApiFlags): Promise<void> {
  const { body } = await clientFor(flags).ask('GET', `/v1/health/${encodeURIComponent(address)}`)
  if (flags.json) writeJson(body)
  else write(`${body.state}\n`)
}

async function setHealth(address: string, state: string, flags: ApiFlags): Promise<void> {
  const { body } = await clientFor(flags).ask('PUT', `/v1/health/${encodeURIComponent(address)}`, { state })
  if (flags.json) writeJson(body)
  else write(`${body.address} is ${body.state}\n`)
}

async function flush(name: string | undefined, flags: ApiFlags): Promise<void> {
  const { body } = await clientFor(flags).ask('DELETE', `/v1/cache${queryOf({ name })}`)
  if (flags.json) writeJson(body)
  else write(body.flushed === 1 ? '1 answer is forgotten\n' : `${body.flushed} answers are forgotten\n`)
}

async function stats(flags: ApiFlags): Promise<void> {
  const { body } = await clientFor(flags).ask('GET', '/v1/stats')
  if (flags.json) writeJson(body)
  else write(table(['FIGURE', 'VALUE'], figures(body, '')))
}

/** Everything there is, by where it stands; distributions and lists of queries are for programs. */
function figures(value: unknown, path: string): [string, string][] {
  if (typeof value !== 'object' || value === null) return [[path, String(value)]]
  if (Array.isArray(value) && value.length > MAX_ITEMS) return [[path, `${value.length} items (--json has them)`]]
  return Object.entries(value).flatMap(([key, each]) => figures(each, path === '' ? key : `${path}.${key}`))
}

const MAX_ITEMS = 8

async function top({ count, ...flags }: ApiFlags & { count: number }): Promise<void> {
  const { body } = await clientFor(flags).ask('GET', `/v1/top${queryOf({ limit: String(count) })}`)
  if (flags.json) writeJson(body)
  else {
    const rows = body.names.map(({ name, queries, lastSeen }: TopEntry) => [queries, name, lastSeen ?? ''])
    write(table(['QUERIES', 'NAME', 'LAST SEEN'], rows, 'nothing was asked for'))
  }
}

async function reload(flags: ApiFlags): Promise<void> {
  const { body } = await clientFor(flags).ask('POST', '/v1/reload')
  if (flags.json) return writeJson(body)
  const changed: string[] = body.changed
  const files: string[] = body.files ?? []
  write(
    [
      changed.length === 0 ? 'nothing in the config has changed' : `changed: ${changed.join(', ')}`,
      ...files.map((file) => `read again: ${file}`),
    ]
      .map((line) => `${line}\n`)
      .join(''),
  )
}

interface TopEntry {
  readonly name: string
  readonly queries: number
  readonly lastSeen?: string
}
