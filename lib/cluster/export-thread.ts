import { ExportControl } from '../export/export-control.js'
import { Exporter, type ExportHandle } from '../export/exporter.js'
import { type MessageFromThread, toPlainError } from '../threads/messages.js'
import { liveThread, type ThreadTask } from './thread-life.js'

/** What the export thread is given: a plain object, posted to it. */
export interface ExportThreadTask extends ThreadTask {
  readonly export: ExportHandle
}

/** Its heart beats this often, and it looks after its files. */
const TICK_MS = 250

/** The life of the export thread: takes what the others have for it until they have ended, and a word more than that. */
export function runExportThread(task: ExportThreadTask): Promise<void> {
  const post = (message: MessageFromThread) => task.port.postMessage(message)
  return liveThread(task, async (control) => {
    const exporter = new Exporter(task.export, new ExportControl(task.export.control), {
      onState: (sink, failure) => post({ type: 'exportState', sink, error: failure && toPlainError(failure) }),
      onQueries: (queries) => post({ type: 'exported', queries }),
    })
    await exporter.open()
    control.tick()
    // Keeps the event loop alive, too. It does not stop with the others: theirs are the queries that it waits for.
    const timer = setInterval(() => {
      control.tick()
      exporter.look()
    }, TICK_MS)
    try {
      await exporter.run()
    } finally {
      clearInterval(timer)
    }
  })
}
