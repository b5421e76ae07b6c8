import { runStreamThread, type StreamThreadTask } from '../lib/cluster/stream-thread.js'

export default (task: StreamThreadTask): Promise<void> => runStreamThread(task)
