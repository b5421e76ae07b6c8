import { parseSchedulerOptions, type SchedulerOptions } from './options.js'
import { EtcdScheduler, type Scheduler } from './scheduler.js'

/** Starts a scheduler, which says which scanners share the addresses. Of several, one acts. etcd may come later. Rejects for bad options (CDNS_OPTION_…). */
export async function startScheduler(options: SchedulerOptions): Promise<Scheduler> {
  return new EtcdScheduler(parseSchedulerOptions(options))
}
