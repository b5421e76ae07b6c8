import { channel, hasSubscribers } from 'node:diagnostics_channel'

/** The channel of `node:diagnostics_channel` on which an event of every server of the process is published. */
export function channelName(event: string): string {
  return `containerdns:${event}`
}

/** What is published: the server, and what its listeners are told; undefined for an event that tells nothing. */
export interface PublishedEvent {
  readonly server: object
  readonly value: unknown
}

export function publishEvent(server: object, event: string, value: unknown): void {
  if (!isWatched(event)) return
  const published: PublishedEvent = { server, value }
  channel(channelName(event)).publish(published)
}

/** Whether making up an event is worth it for who watches the process. */
export function isWatched(event: string): boolean {
  return hasSubscribers(channelName(event))
}
