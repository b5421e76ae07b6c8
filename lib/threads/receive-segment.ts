import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import type { MessageToThread } from './messages.js'
import type { PostedSegment } from './segment-inbox.js'

/** What is posted to a thread that is no segment. */
export type OtherMessage = Exclude<MessageToThread, PostedSegment>

/** The next segment that was posted to this thread; `onOther` is given what comes before it. */
export function receiveSegment(
  port: MessagePort,
  onOther: (message: OtherMessage) => void = () => {},
): PostedSegment | undefined {
  for (;;) {
    const received = receiveMessageOnPort(port) as { message: MessageToThread } | undefined
    if (received === undefined) return undefined
    const { message } = received
    if (message.type === 'segment') return message
    onOther(message)
  }
}
