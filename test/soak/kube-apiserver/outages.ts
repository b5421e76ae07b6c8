import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { service } from '../../kubernetes/objects.js'
import { eventually } from '../../support/eventually.js'
import { sameRecords } from '../kubernetes/same-records.js'
import { answersAll } from './cluster-cases.js'
import { change, converged, type Followed, impatient, PORT, serve } from './followed.js'

const CHECK_MS = 2_000

/** Versions that the API server has no longer: of a watch, from its memory and from etcd; and of a list between its pages. */
export async function gone(followed: Followed, report: (line: string) => void): Promise<void> {
  const { cluster, recorder, recorded } = followed
  await eventually(() => recorder.bookmarks > 0, 60_000)
  for (const flags of [[], ['--watch-cache=false']]) {
    const { loads } = recorded.dns.stats().store
    const told = recorder.goneWatches.length
    recorder.hold()
    await change(cluster, 'gone', 60, flags.length)
    await cluster.etcd.compact()
    await cluster.restart({ flags })
    await change(cluster, 'gone', 60, 7 + flags.length)
    await cluster.etcd.compact()
    recorder.release()
    await eventually(() => recorded.dns.stats().store.loads > loads && recorder.goneWatches.length > told, 60_000)
    report(
      `410 ${flags.join() || 'from its memory'}: ${recorder.goneWatches.at(-1)}; ${await converged(followed)} names`,
    )
  }
  let pages = 0
  recorder.before = async ({ pathname, searchParams }) => {
    if (!pathname.endsWith('/services') || !searchParams.has('continue') || ++pages !== 5) return
    await change(cluster, 'gone', 5, 99)
    await cluster.etcd.compact()
  }
  await using late = await serve(impatient(await cluster.accountConfig('kube-system', 'containerdns', recorder.url)))
  recorder.before = undefined
  if (recorder.goneLists.length === 0) throw new Error(`no page was gone of ${pages}`)
  await sameRecords(followed.servers[0]!.dns, [late])
  report(
    `410 before page ${pages + 1} of a list: ${recorder.goneLists[0]?.split('. ')[0]}; ${recorder.bookmarks} bookmarks so far`,
  )
}

/** The power goes, and comes back; twice, the second time while everything changes. */
export async function killed(followed: Followed, report: (line: string) => void): Promise<void> {
  const { cluster } = followed
  await cluster.restart()
  report(`killed and started again: ${await converged(followed)} names`)
  const changing = change(cluster, 'killed', 300, 1).catch(() => {})
  await cluster.kill()
  await changing
  await cluster.restart()
  report(`killed among changes and started again: ${await converged(followed)} names`)
}

/** etcd is brought back from a backup, and with it versions that are older than those which have been seen. */
export async function restored(followed: Followed, report: (line: string) => void): Promise<void> {
  const { cluster, recorder } = followed
  const backup = join(await cluster.newFolder(), 'backup')
  await change(cluster, 'restored', 50, 1)
  await cluster.etcd.saveBackup(backup)
  const before = await cluster.etcd.revision()
  await change(cluster, 'restored', 100, 2)
  await cluster.put('services', service('shop/lost', ['10.96.9.9'], [PORT]))
  await converged(followed)
  const after = await cluster.etcd.revision()
  // One of the servers does not get to see that the API server is away: it comes back with its version, from the future.
  recorder.hold()
  await cluster.kill()
  await cluster.etcd.restoreBackup(backup)
  await cluster.restart()
  recorder.release()
  for (const { dns } of followed.servers)
    await answersAll(dns.addresses[0]!, [['lost.shop.svc.cluster.local', 'A', 'NXDOMAIN']])
  report(`restored from revision ${after} to ${before}: ${await converged(followed)} names`)
  await change(cluster, 'restored', 20, 3)
  report(`and other changes by the same versions: ${await converged(followed)} names`)
}

/** Nobody can be asked, and everything is another afterwards. */
export async function away(followed: Followed, forMs: number, report: (line: string) => void): Promise<void> {
  const { cluster, bridge, servers } = followed
  await change(cluster, 'away', 50, 1)
  await converged(followed)
  const before = servers.map(({ dns }) => dns.stats().index.names)
  await cluster.kill()
  const until = performance.now() + forMs
  // Another API server of the cluster, to which nobody else has a way.
  await cluster.restart({ isHidden: true })
  await change(cluster, 'away', 50, 2)
  await cluster.etcd.compact()
  await cluster.kill()
  do {
    await sleep(Math.min(CHECK_MS, Math.max(0, until - performance.now())))
    for (const server of servers) await server.check()
    const names = servers.map(({ dns }) => dns.stats().index.names)
    if (names.join() !== before.join())
      throw new Error(`there were ${before} names, and are ${names} without the server`)
  } while (performance.now() < until)
  const { stale, connected } = servers[0]!.dns.stats().store
  report(
    `away for ${Math.round(forMs / 1000)} s: ${before.join(', ')} names stayed; stale ${stale}, connected ${connected}`,
  )
  if (connected || bridge.status().connected) throw new Error('somebody has not noticed that the API server is away')
  await cluster.restart()
  const backAt = performance.now()
  const names = await converged(followed)
  report(`${names} names, the same everywhere, ${Math.round(performance.now() - backAt)} ms after it was back`)
}
