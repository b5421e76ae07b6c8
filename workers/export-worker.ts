import { type ExportThreadTask, runExportThread } from '../lib/cluster/export-thread.js'

export default (task: ExportThreadTask): Promise<void> => runExportThread(task)
