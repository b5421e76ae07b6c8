import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import type { MessageToThread } from './messages.js'
import type { PostedSegment } from './segment-inbox.js'

/** The next segment that was posted to this thread. */
export function receiveSegment(port: MessagePort): PostedSegment | undefined {
  const received = receiveMessageOnPort(port) as { message: MessageToThread } | undefined
  if (received === undefined) return undefined
  const { message } = received
  switch (message.type) {
    case 'segment':
      return message
    default:
      return message.type satisfies never
  }
}
