import { type DnsThreadTask, runDnsThread } from '../lib/cluster/dns-thread.js'

export default (task: DnsThreadTask): Promise<void> => runDnsThread(task)
