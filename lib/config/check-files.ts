import { readTokens } from '../api/tokens.js'
import type { DetailedError } from '../errors.js'
import { parseOptions } from '../options.js'
import { readCertificate } from '../transport/tls-certificate.js'
import type { ConfigPath } from '../yaml-document.js'
import type { Config } from './config.js'
import type { ConfigDraft } from './config-draft.js'
import type { ConfigSource } from './config-fault.js'
import { pathIn } from './fault-path.js'
import { findModule, refuseUnwritable } from './named-files.js'
import { memoryFaults } from './records-faults.js'

/**
 * Reads what a config names as a server would: files of records with the zones and views that they are for, certificates with their keys, and
 * tokens. Of hooks and of logs it finds out whether they can be read and written. Nothing is listened on, and nobody is asked. Resolves with the faults, each with the place in the config, and in the file. What
 * the config itself has a fault in is left alone.
 */
export async function checkFiles(
  { options, store, api, log }: Omit<Config, 'ignored'>,
  draft: ConfigDraft,
  source: ConfigSource,
): Promise<readonly DetailedError[]> {
  const parsed = parseOptions(options)
  const faults: DetailedError[] = []
  const check = async (path: ConfigPath, read: () => Promise<unknown>, pathOf: PathOfFault = pathOfFile) => {
    const place = draft.placeOf(path)
    if (draft.isChanged(place)) return
    await read().catch((error: Error) => faults.push(source.fault(pathOf(place, error), error.message, error)))
  }
  if ('memory' in store && ![...RECORDS_DEPEND_ON, 'store'].some((key) => draft.isChanged([key]))) {
    for (const { path, error } of await memoryFaults(store.memory, parsed)) {
      faults.push(source.fault(['store', 'memory', ...path], error.message, error))
    }
  }
  for (const [i, { tls }] of parsed.listen.entries()) {
    const path = Array.isArray(options.listen) ? ['listen', i] : ['listen']
    if (tls !== undefined) await check(path, () => readCertificate(tls), pathOfCertificate)
  }
  const { listen: { tls } = {}, tokens } = api ?? {}
  if (tls !== undefined) await check(['api', 'listen'], () => readCertificate(tls), pathOfCertificate)
  if (tokens !== undefined && 'file' in tokens) await check(['api', 'tokens', 'file'], () => readTokens(tokens.file))
  const { modules, checkHealth } = parsed.hooks
  for (const [hook, url] of Object.entries({ ...modules, checkHealth })) {
    if (typeof url === 'string') await check(['hooks', hook], () => findModule(hook, url))
  }
  const { file: queryLog } = parsed.export.queryLog ?? {}
  const written = [
    ['CDNS_LOG_FILE_FAILED', ['log', 'file'], log.file],
    ['CDNS_LOG_FILE_FAILED', ['api', 'auditFile'], api?.auditFile],
    ['CDNS_QUERY_LOG_FAILED', ['queryLog', 'file'], queryLog],
  ] as const
  for (const [code, path, file] of written) {
    if (file !== undefined) await check(path, () => refuseUnwritable(code, path.join('.'), file))
  }
  return faults
}

/** With other zones or views than the config's, records would be wrong that are right. */
const RECORDS_DEPEND_ON = ['zones', 'views', 'defaultTtl'] as const

/** Where the fault of a file is shown, of what names the file. */
type PathOfFault = (place: ConfigPath, error: Error) => ConfigPath

const pathOfFile: PathOfFault = (place) => place
/** The message says which of the two files it is. */
const pathOfCertificate: PathOfFault = (place, { message }) => pathIn(message, place)
