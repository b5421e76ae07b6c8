import { existsSync } from 'node:fs'
import { type ExportThreadTask, runExportThread } from '../../lib/cluster/export-thread.js'

const LOOK_MS = 5

/** An export thread that dies once, when there is a file `die` beside its log, and before it can be told to. */
export default (task: ExportThreadTask): Promise<void> => {
  const sign = `${task.export.queryLog!.file}.die`
  const timer = setInterval(() => {
    if (existsSync(sign)) process.exit(1)
  }, LOOK_MS)
  return runExportThread(task).finally(() => clearInterval(timer))
}
