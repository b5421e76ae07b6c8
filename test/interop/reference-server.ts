import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../bench/processes/free-port.js'
import { buildQuery } from '../support/build-query.js'
import { writeNsdConfig } from '../support/nsd-config.js'
import { readMessage } from '../support/read-message.js'
import { UdpAsker } from '../support/udp-asker.js'
import { writeUnboundConfig } from '../support/unbound-config.js'
import type { InteropZone } from './interop-zones.js'

/** A server that others have written, on a free port of 127.0.0.1, with zones of ours. */
export interface ReferenceServer extends AsyncDisposable {
  readonly host: string
  readonly port: number
}

const HOST = '127.0.0.1'

interface Config {
  readonly port: number
  readonly folder: string
  readonly zones: readonly InteropZone[]
}

export const REFERENCES = {
  NSD: { program: 'nsd', prepare: prepareNsd },
  Knot: { program: 'knotd', prepare: prepareKnot },
  Unbound: { program: 'unbound', prepare: prepareUnbound },
  BIND: { program: 'named', prepare: prepareBind },
} as const

export type ReferenceName = keyof typeof REFERENCES

/** Starts one, its files in `folder`. Rejects when it ends before it answers. */
export async function startReference(
  name: ReferenceName,
  folder: string,
  zones: readonly InteropZone[],
): Promise<ReferenceServer> {
  mkdirSync(folder, { recursive: true })
  const port = await freePort()
  const { program, prepare } = REFERENCES[name]
  const log = join(folder, 'output.log')
  const output = openSync(log, 'a')
  const child = spawn(program, prepare({ port, folder, zones }), {
    cwd: folder,
    stdio: ['ignore', output, output],
    env: { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin` },
  })
  const ended = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => resolve(`${signal ?? code}`))
    child.once('error', (error) => resolve(error.message))
  })
  const stop = async () => {
    child.kill()
    await ended
  }
  const failed = ended.then((how) => {
    throw new Error(`${program} has ended (${how}): ${readFileSync(log, 'utf8')}`)
  })
  failed.catch(() => {})
  try {
    await Promise.race([failed, untilAllAnswer({ host: HOST, port }, zones)])
  } catch (cause) {
    await stop()
    throw cause
  }
  return { host: HOST, port, [Symbol.asyncDispose]: stop }
}

async function untilAllAnswer(server: { host: string; port: number }, zones: readonly InteropZone[]): Promise<void> {
  await using asker = await UdpAsker.open(server)
  for (const { name } of zones) {
    for (const deadline = performance.now() + 60_000; ; ) {
      // A large zone is read before anything is answered.
      const said = await asker.ask(buildQuery(name, 'SOA')).then(readMessage, (cause: Error) => cause)
      if (!(said instanceof Error) && said.answer.length > 0) break
      if (performance.now() > deadline) {
        throw new Error(`${name} is answered with ${said instanceof Error ? said.message : `RCODE ${said.rcode}`}`)
      }
      // A zone that is still being read is a SERVFAIL.
      await once(AbortSignal.timeout(20), 'abort')
    }
  }
}

function prepareNsd({ port, folder, zones }: Config): string[] {
  return writeNsdConfig({ port, folder }, zones)
}

function prepareKnot({ port, folder, zones }: Config): string[] {
  const config = join(folder, 'knot.conf')
  const zoneLines = zones.map(
    ({ name, file }) => `  - domain: "${name}"\n    file: "${file}"\n    zonefile-sync: -1\n    journal-content: none`,
  )
  writeFileSync(
    config,
    `server:
  listen: ${HOST}@${port}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
  rundir: "${folder}"
  answer-rotation: off
database:
  storage: "${folder}"
log:
  - target: stderr
    any: warning
zone:
${zoneLines.join('\n')}
`,
  )
  return ['-c', config]
}

/** A resolver that answers for the zones itself and asks nobody. */
function prepareUnbound({ port, folder, zones }: Config): string[] {
  const clauses = zones.map(
    ({ name, file }) =>
      `auth-zone:\n  name: "${name}"\n  zonefile: "${file}"\n  for-downstream: yes\n  for-upstream: no\n  fallback-enabled: no`,
  )
  return writeUnboundConfig({ port, folder }, { server: ['incoming-num-tcp: 256'], clauses })
}

function prepareBind({ port, folder, zones }: Config): string[] {
  const config = join(folder, 'named.conf')
  const zoneLines = zones.map(({ name, file }) => `zone "${name}" { type primary; file "${file}"; };`)
  writeFileSync(
    config,
    `options {
  directory "${folder}";
  pid-file "${folder}/named.pid";
  session-keyfile "${folder}/session.key";
  listen-on port ${port} { ${HOST}; };
  listen-on-v6 { none; };
  recursion no;
  dnssec-validation no;
  notify no;
  minimal-responses yes;
};
controls { };
${zoneLines.join('\n')}
`,
  )
  // In the foreground, one thread, without leave to fork.
  return ['-g', '-n', '1', '-c', config]
}
