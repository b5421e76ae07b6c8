import type { Command } from 'commander'
import type { RRset } from '../../records/rrset.js'
import { rrsetToText } from '../../zone-file/rrset-to-text.js'
import { queryOf } from '../api-client.js'
import { write, writeJson } from '../outcome.js'
import { table } from '../table.js'
import { type ApiFlags, clientFor, withApiOptions } from './api-options.js'

interface ZoneFlags extends ApiFlags {
  readonly view?: string
}

/** `containerdns zone`: what is answered for. */
export function addZoneCommand(program: Command): void {
  const zone = program.command('zone').description('zones that are answered for, and what is in them')
  withApiOptions(zone.command('list').description('all zones')).action(list)
  withApiOptions(zone.command('show').description('one zone: its views, and its RRsets by type'))
    .argument('<zone>', 'as "zone list" has it')
    .action(show)
  withApiOptions(
    zone.command('export').description('the records as a zone file; weights and owners have no place in one'),
  )
    .argument('<zone>', 'as "zone list" has it')
    .option('--view <view>', 'of another view than the default one')
    .action(exportZone)
}

async function list(flags: ZoneFlags): Promise<void> {
  const { body } = await clientFor(flags).ask('GET', '/v1/zones')
  if (flags.json) writeJson(body)
  else
    write(
      table(
        ['ZONE'],
        body.zones.map(({ name }: { name: string }) => [name]),
        'no zone',
      ),
    )
}

async function show(name: string, flags: ZoneFlags): Promise<void> {
  const client = clientFor(flags)
  const { body } = await client.ask('GET', `/v1/zones/${encodeURIComponent(name)}`)
  const counts = new Map<string, number>()
  for (const { type } of await client.list({ under: body.name })) counts.set(type, (counts.get(type) ?? 0) + 1)
  if (flags.json) {
    writeJson({ ...body, rrsets: Object.fromEntries(counts) })
    return
  }
  write(
    `zone:  ${body.name}\nviews: ${body.views.join(', ')}\n\n${table(['TYPE', 'RRSETS'], [...counts].sort(), 'no RRset')}`,
  )
}

async function exportZone(name: string, flags: ZoneFlags): Promise<void> {
  const client = clientFor(flags)
  const view = flags.view ?? 'default'
  const rrsets: RRset[] = []
  let cursor: string | undefined
  do {
    const query = queryOf({ view, limit: '1000', cursor })
    const { body } = await client.ask('GET', `/v1/zones/${encodeURIComponent(name)}/rrsets${query}`)
    rrsets.push(...body.rrsets)
    cursor = body.cursor
  } while (cursor !== undefined)
  if (flags.json) writeJson({ rrsets })
  else write(rrsets.map(rrsetToText).join(''))
}
