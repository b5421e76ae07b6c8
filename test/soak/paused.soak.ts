import { EtcdStore } from '../../lib/store/etcd/etcd-store.js'
import { parseEtcdStoreOptions } from '../../lib/store/etcd/options.js'
import { AskedAllTheTime } from '../support/asked-all-the-time.js'
import { eventually } from '../support/eventually.js'
import { expectSameAsEtcd } from '../support/same-as-etcd.js'
import { Etcd } from '../support/start-etcd.js'
import type { Soak } from './soak.js'

const FOLDER = '/containerdns/org/example'

/** etcd stands still for a minute, with everything as it is by default: answers go on, are called stale in time, and catch up. */
export const soak: Soak = {
  name: 'paused',
  minutes: 1,
  async run(report, minutes) {
    await using etcd = await Etcd.start()
    await etcd.ctl('put', `${FOLDER}/kept/1/`, '{"type":"A","host":"192.0.2.1","ttl":30}')
    await using server = await AskedAllTheTime.start(new EtcdStore(parseEtcdStoreOptions({ hosts: etcd.host })))
    await server.expect('kept.example.org', '192.0.2.1')
    const store = () => server.dns.stats().store
    etcd.pause()
    const pausedAt = performance.now()
    await eventually(() => !store().connected, 20_000)
    report(`noticed after ${Math.round(performance.now() - pausedAt)} ms`)
    await eventually(() => store().stale, 40_000)
    report(`stale after ${Math.round(performance.now() - pausedAt)} ms`)
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, pausedAt + 60_000 * minutes - performance.now())))
    await server.check()
    etcd.resume()
    const resumedAt = performance.now()
    await eventually(() => etcd.ctl('put', `${FOLDER}/later/1/`, '{"type":"A","host":"192.0.2.2","ttl":30}'), 20_000)
    await eventually(() => expectSameAsEtcd(server.dns, etcd), 30_000)
    await eventually(() => store().connected && !store().stale, 10_000)
    report(`the same as etcd ${Math.round(performance.now() - resumedAt)} ms after it went on`)
    await server.check()
    report(`${server.answered} queries answered, all of them rightly`)
  },
}
