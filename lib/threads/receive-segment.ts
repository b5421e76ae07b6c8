import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import type { Segment } from '../shared-table/segments.js'
import type { MessageToThread } from './messages.js'

/** The next segment of the index that was posted to this thread. */
export function receiveSegment(port: MessagePort): Segment | undefined {
  const received = receiveMessageOnPort(port) as { message: MessageToThread } | undefined
  if (received === undefined) return undefined
  const { message } = received
  switch (message.type) {
    case 'segment':
      return message.segment
    default:
      return message.type satisfies never
  }
}
