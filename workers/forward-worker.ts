import { type ForwardThreadTask, runForwardThread } from '../lib/cluster/forward-thread.js'

export default (task: ForwardThreadTask): Promise<void> => runForwardThread(task)
