import { Command, Option } from 'commander'
import { ApiClient, queryOf } from './api-client.js'
import { CommandFailure, UsageError, write } from './outcome.js'
import { runProgram } from './run-cli.js'

interface ApicmdFlags {
  readonly domain?: string
  readonly method?: 'create' | 'update' | 'delete'
  readonly show: boolean
  readonly list: boolean
  readonly addr: string
  readonly token?: string
  readonly user?: string
  readonly ips?: string
  readonly alias?: string
  readonly updates?: string
}

const EXAMPLES = `
As containerdns-apicmd of ContainerDNS, over its calls:
  containerdns-apicmd -list
  containerdns-apicmd -show -domain www.containerdns.local
  containerdns-apicmd -method create -domain www.containerdns.local -ips "192.0.2.1;192.0.2.2"
  containerdns-apicmd -method create -domain www.containerdns.local -alias tv.containerdns.local
  containerdns-apicmd -method update -domain www.containerdns.local -updates "ips:192.0.2.1->192.0.2.3"
  containerdns-apicmd -method delete -domain www.containerdns.local [-ips "192.0.2.1"]
The alias is the new name, and the domain what it leads to. Exit codes: 0 it is done; 1 it could not be done; 2 the command line is wrong.
The server must take tokens in headers, as ours does. "containerdns record" can do more.`

/** Runs `containerdns-apicmd`: Go's flags have one dash. */
export async function runApicmd(argv: readonly string[]): Promise<void> {
  await runProgram(createApicmd(), argv.map(withTwoDashes))
}

export function createApicmd(): Command {
  return new Command('containerdns-apicmd')
    .description("ContainerDNS's command for looking at names and changing them")
    .option('--domain <name>', 'the name')
    .addOption(new Option('--method <method>', 'what to do').choices(['create', 'update', 'delete']))
    .option('--show', 'shows the name', false)
    .option('--list', 'shows all names', false)
    .addOption(new Option('--addr <url>', 'where the API is').env('CONDNS_API_ADDR').default('http://127.0.0.1:9003'))
    .addOption(new Option('--token <token>', 'who asks').env('CONDNS_API_TOKEN'))
    .option('--user <user>', 'whose names they are (default: the token’s principal)')
    .option('--ips <addresses>', 'with ; between')
    .option('--alias <name>', 'a CNAME that leads to the domain')
    .option('--updates <changes>', '"ips:OLD->NEW;OLD->NEW" or "alias:OLD->NEW"')
    .addHelpText('after', EXAMPLES)
    .exitOverride()
    .action((flags: ApicmdFlags) => apicmd(flags))
}

/** `-domain=x` is `--domain=x`; `-true` of Go's booleans is taken as well. */
function withTwoDashes(argument: string, i: number): string {
  if (i < 2) return argument
  return /^-[a-z]{2,}(?:=|$)/.test(argument) ? `-${argument.replace(/^(-(?:show|list))=true$/, '$1')}` : argument
}

async function apicmd(flags: ApicmdFlags): Promise<void> {
  const chosen = [flags.list, flags.show, flags.method !== undefined].filter(Boolean).length
  if (chosen !== 1) throw new UsageError('one of -list, -show and -method says what to do')
  const server = /^https?:\/\//.test(flags.addr) ? flags.addr : `http://${flags.addr}`
  const client = new ApiClient({ server: server.replace(/\/+$/, ''), token: flags.token || undefined })
  const path = pathOf(flags)
  if (flags.method === undefined) {
    const { body } = await client.ask('GET', path)
    write(`${typeof body === 'string' ? body : JSON.stringify(body, undefined, 2)}\n`)
    return
  }
  for (const { method, body } of requestsOf(flags)) {
    const answer = await client.ask(method, path, body)
    // Its errors may have the status of success.
    if (String(answer.body).startsWith('ERR')) throw new CommandFailure(String(answer.body).trim())
  }
  write('OK\n')
}

function pathOf({ list, domain, user }: ApicmdFlags): string {
  if (list) return `/containerdns/api${queryOf({ user })}`
  if (domain === undefined) throw new UsageError('-domain says which name')
  return `/containerdns/api/${encodeURIComponent(domain)}${queryOf({ user })}`
}

interface Request {
  readonly method: string
  readonly body: object
}

function requestsOf({ method, ips, alias, updates }: ApicmdFlags): readonly Request[] {
  const addresses = (ips ?? '')
    .split(';')
    .map((each) => each.trim())
    .filter((each) => each !== '')
  if (method === 'update') return updatesOf(updates).map((body) => ({ method: 'PUT', body }))
  if (alias !== undefined && addresses.length > 0) throw new UsageError('-ips and -alias cannot be given together')
  if (method === 'create') {
    if (alias !== undefined) return [{ method: 'POST', body: { type: 'cname', alias } }]
    if (addresses.length === 0) throw new UsageError('-ips or -alias says what the name is to have')
    return [{ method: 'POST', body: { type: 'A', ips: addresses } }]
  }
  const body =
    alias !== undefined ? { type: 'cname', alias } : addresses.length > 0 ? { type: 'A', ips: addresses } : { type: '' }
  return [{ method: 'DELETE', body }]
}

/** A call takes one change of an address. */
function updatesOf(updates = ''): readonly object[] {
  const match = /^(ips|alias):(.+)$/.exec(updates.trim())
  const pairs = (match?.[2] ?? '').split(';').map((pair) => /^\s*(\S+?)\s*->\s*(\S+)\s*$/.exec(pair))
  if (match === null || pairs.some((pair) => pair === null)) {
    throw new UsageError('-updates must be like "ips:192.0.2.1->192.0.2.2;192.0.2.3->192.0.2.4" or "alias:old->new"')
  }
  const type = match[1] === 'ips' ? 'A' : 'cname'
  return pairs.map((pair) => ({ type, update: { [pair![1]!]: pair![2]! } }))
}
