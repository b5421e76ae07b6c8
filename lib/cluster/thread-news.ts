import { callHost } from '../errors.js'
import type { Logger } from '../log.js'
import { fromPlainError, type MessageFromThread } from '../threads/messages.js'

/** Who hears what threads have to tell, but for their own lives. */
export interface ThreadNewsListeners {
  /** A thread died before it was given a task, and its task goes to another one; or a thread has met with something that it lives on with. */
  readonly onError: (error: Error) => void
  /** A thread has taken what a file holds, or says why it goes on with the certificate it had. */
  readonly onCertificate: (file: string, failure: Error | undefined) => void
  /** A hook in a thread has failed; now and then, if it does so often. */
  readonly onHookFault: (hook: string, error: Error) => void
  /** Exported queries cannot be written where they should be, or can again. */
  readonly onExportState?: (sink: string, failure: Error | undefined) => void
  /** Exported queries have come for this thread. */
  readonly onExported?: (queries: readonly object[]) => void
  /** A thread that was run again goes on without its hooks. */
  readonly onHooksLost: (error: Error) => void
  readonly onForwardStats?: (stats: object) => void
  readonly logger: Logger
}

/** What the supervisor itself has to know. */
type LifeMessage = Extract<MessageFromThread, { type: 'started' | 'serving' | 'policyTaken' | 'failed' }>

export type ThreadNews = Exclude<MessageFromThread, LifeMessage>

/** Passes on what a thread tells. */
export function tellNews(news: ThreadNews, listeners: ThreadNewsListeners): void {
  switch (news.type) {
    case 'hookFault':
      callHost(() => listeners.onHookFault(news.hook, fromPlainError(news.error)))
      return
    case 'hooksLost':
      callHost(() => listeners.onHooksLost(fromPlainError(news.error)))
      return
    case 'forwardStats':
      listeners.onForwardStats?.(news.stats)
      return
    case 'log':
      listeners.logger[news.level](news.fields, news.text)
      return
    case 'error':
      callHost(() => listeners.onError(fromPlainError(news.error)))
      return
    case 'certificate':
      callHost(() => listeners.onCertificate(news.file, news.error && fromPlainError(news.error)))
      return
    case 'exportState':
      callHost(() => listeners.onExportState?.(news.sink, news.error && fromPlainError(news.error)))
      return
    case 'exported':
      callHost(() => listeners.onExported?.(news.queries))
      return
    default:
      news satisfies never
  }
}
