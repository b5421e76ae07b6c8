import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import type { RRset } from '../../records/rrset.js'
import { rrsetToText } from '../../zone-file/rrset-to-text.js'
import { CommandFailure, write, writeJson } from '../outcome.js'
import { dataFromArgument } from '../read-data.js'
import { table } from '../table.js'
import { type ApiFlags, clientFor, withApiOptions } from './api-options.js'
import { wholeNumber } from './arguments.js'

interface RecordFlags extends ApiFlags {
  readonly view?: string
  readonly type?: string
  readonly limit?: number
  readonly ttl?: number
  readonly owner?: string
  readonly create?: boolean
  readonly ifMatch?: string
}

const EXAMPLES = `
Data is as in a zone file, with absolute names; JSON says weights:
  containerdns record put www.example.org A 192.0.2.1 192.0.2.2 --ttl 60
  containerdns record put example.org MX '10 mail.example.org'
  containerdns record put www.example.org A '{"address":"192.0.2.1","weight":3}' 192.0.2.2
  containerdns record add www.example.org A 192.0.2.3         others stay as they are
  containerdns record remove www.example.org A 192.0.2.1      with the last one, the RRset goes
  containerdns record delete www.example.org                  all types
  containerdns record apply records.json                      an array of RRsets: all are checked before the first is put`

const NAME = 'a domain name, absolute, with or without the last dot'
const TYPE = 'A, AAAA, CNAME, MX, SRV, TXT, … or TYPEnnn'
const DATA = 'as in a zone file, an argument for each record; or JSON'

/** `containerdns record`: RRsets over the API. */
export function addRecordCommand(program: Command): void {
  const record = program.command('record').description('look at RRsets and change them').addHelpText('after', EXAMPLES)
  const sub = (name: string, description: string) => withApiOptions(record.command(name).description(description))
  const inView = (command: Command) => command.option('--view <view>', 'a view other than the default one')
  const guarded = (command: Command) =>
    inView(command).option('--if-match <etag>', 'only while the RRset is in the state of that ETag (see get)')

  inView(sub('list', 'RRsets of all zones, or at and below a name'))
    .argument('[under]', 'a name, absolute')
    .option('--type <type>', 'only of this type')
    .option('--limit <count>', 'that many at most', wholeNumber)
    .action(list)
  inView(sub('get', 'the RRsets of a name, or the one of a type'))
    .argument('<name>', NAME)
    .argument('[type]', TYPE)
    .action(get)
  guarded(sub('put', 'replaces an RRset, or creates it'))
    .argument('<name>', NAME)
    .argument('<type>', TYPE)
    .argument('<data...>', DATA)
    .option('--ttl <seconds>', 'default: as the server has it', wholeNumber)
    .option('--owner <principal>', 'whose it is to be; for admins')
    .option('--create', 'only while there is none')
    .action(put)
  guarded(sub('add', 'adds data to an RRset, or creates it'))
    .argument('<name>', NAME)
    .argument('<type>', TYPE)
    .argument('<data...>', DATA)
    .option('--ttl <seconds>', 'of all of the RRset', wholeNumber)
    .action((name, type, data, flags) => patch('add', name, type, data, flags))
  guarded(sub('remove', 'takes data out of an RRset'))
    .argument('<name>', NAME)
    .argument('<type>', TYPE)
    .argument('<data...>', DATA)
    .action((name, type, data, flags) => patch('remove', name, type, data, flags))
  guarded(sub('delete', 'removes an RRset, or all of a name'))
    .argument('<name>', NAME)
    .argument('[type]', TYPE)
    .action(remove)
  sub('apply', 'puts the RRsets of a JSON file, all or none').argument('<file>', 'an array of RRsets').action(apply)
}

async function list(under: string | undefined, flags: RecordFlags): Promise<void> {
  const { type, view, limit } = flags
  show(await clientFor(flags).list({ under, type: type?.toUpperCase(), view }, limit), flags)
}

async function get(name: string, type: string | undefined, flags: RecordFlags): Promise<void> {
  const client = clientFor(flags)
  const { body, etag } = await client.ask('GET', await client.pathOf(name, type, flags.view))
  if (type !== undefined) {
    if (flags.json) writeJson({ ...body, etag })
    else write(`${asTable([body])}etag: ${etag}\n`)
    return
  }
  const { rrsets } = body as { rrsets: RRset[] }
  if (rrsets.length === 0) throw new CommandFailure(`${name} has no RRset`, 'CDNS_NOT_FOUND')
  show(rrsets, flags)
}

async function put(name: string, type: string, data: string[], flags: RecordFlags): Promise<void> {
  const client = clientFor(flags)
  const { ttl, owner } = flags
  const body = {
    data: dataOf(type, data),
    ...(ttl === undefined ? {} : { ttl }),
    ...(owner === undefined ? {} : { owner }),
  }
  const answer = await client.ask('PUT', await client.pathOf(name, type, flags.view), body, conditions(flags))
  show([answer.body], flags)
}

async function patch(
  action: 'add' | 'remove',
  name: string,
  type: string,
  data: string[],
  flags: RecordFlags,
): Promise<void> {
  const client = clientFor(flags)
  const body = { [action]: dataOf(type, data), ...(flags.ttl === undefined ? {} : { ttl: flags.ttl }) }
  const answer = await client.ask('PATCH', await client.pathOf(name, type, flags.view), body, conditions(flags))
  // The last item is gone, and the RRset with it.
  show(answer.status === 204 ? [] : [answer.body], flags)
}

async function remove(name: string, type: string | undefined, flags: RecordFlags): Promise<void> {
  const client = clientFor(flags)
  await client.ask('DELETE', await client.pathOf(name, type, flags.view), undefined, conditions(flags))
  if (flags.json) writeJson({ deleted: true })
  else write(`${name}${type === undefined ? '' : ` ${type.toUpperCase()}`} is gone\n`)
}

async function apply(file: string, flags: RecordFlags): Promise<void> {
  const rrsets = rrsetsIn(file)
  const changes = rrsets.map((rrset) => ({ action: 'put', rrset }))
  const { body } = await clientFor(flags).ask('POST', '/v1/bulk', { changes })
  if (flags.json) writeJson(body)
  else write(`${rrsets.length} RRsets of ${body.results.length} names are put\n`)
}

function rrsetsIn(file: string): readonly unknown[] {
  let content: unknown
  try {
    content = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new CommandFailure(`${file}: ${(error as Error).message}`)
  }
  if (Array.isArray(content) && content.length > 0) return content
  throw new CommandFailure(`${file} must be an array of RRsets with something in it`)
}

function dataOf(type: string, data: readonly string[]) {
  return data.map((text) => dataFromArgument(type, text))
}

function conditions({ ifMatch, create }: RecordFlags): Record<string, string> {
  return { ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }), ...(create ? { 'if-none-match': '*' } : {}) }
}

function show(rrsets: readonly RRset[], { json }: ApiFlags): void {
  if (json) writeJson({ rrsets })
  else write(asTable(rrsets))
}

/** A line for each item of data. */
function asTable(rrsets: readonly RRset[]): string {
  const rows = rrsets.flatMap((rrset) =>
    linesOf(rrset).map((data) => [rrset.name, rrset.type, rrset.ttl ?? '', data, rrset.view ?? '', rrset.owner ?? '']),
  )
  const columns = ['NAME', 'TYPE', 'TTL', 'DATA', 'VIEW', 'OWNER']
  const used = columns.map((_, i) => i < 4 || rows.some((row) => row[i] !== ''))
  const chosen = <T>(row: readonly T[]) => row.filter((_, i) => used[i])
  return table(chosen(columns), rows.map(chosen), 'no RRset')
}

function linesOf(rrset: RRset): string[] {
  const { name, type, data } = rrset
  return (data as unknown[]).map((item) => {
    const line = rrsetToText({ name, type, ttl: 0, data: [item] } as RRset).trimEnd()
    const text = line.slice(line.indexOf(` 0 IN ${type} `) + ` 0 IN ${type} `.length)
    const { weight } = item as { weight?: number }
    return (type === 'A' || type === 'AAAA') && weight !== undefined ? `${text} (weight ${weight})` : text
  })
}
