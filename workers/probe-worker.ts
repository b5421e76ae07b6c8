import { type ProbeThreadTask, runProbeThread } from '../lib/health/probe/probe-thread.js'

export default (task: ProbeThreadTask): Promise<void> => runProbeThread(task)
