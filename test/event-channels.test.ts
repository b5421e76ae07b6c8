import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { type ContainerDns, type ContainerDnsEvents, createContainerDns, type PublishedEvent } from 'containerdns'
import { describe, expect, it } from 'vitest'
import { eventually } from './support/eventually.js'

/** Hears what is published of an event. */
function watch(event: keyof ContainerDnsEvents): PublishedEvent[] & Disposable {
  const heard: PublishedEvent[] = []
  const listener = (message: unknown) => void heard.push(message as PublishedEvent)
  subscribe(`containerdns:${event}`, listener)
  return Object.assign(heard, { [Symbol.dispose]: () => void unsubscribe(`containerdns:${event}`, listener) })
}

describe('diagnostics channels', () => {
  it('tell of the events of each server in the process, without a listener on it', async () => {
    using changes = watch('change')
    using health = watch('health')
    using ready = watch('ready')
    await using first = await createContainerDns({ zones: ['example'], listen: { port: 0 }, workers: 1 })
    await using second = await createContainerDns({ zones: ['example'], listen: { port: 0 }, workers: 1 })
    const numberOf = ({ server }: PublishedEvent) => [first, second].indexOf(server as ContainerDns)
    await eventually(() => expect(ready.map(numberOf)).toEqual([0, 1]))
    await second.records.put({ name: 'www.example', type: 'A', data: ['192.0.2.1'] })
    first.health.set('192.0.2.1', 'unhealthy')
    expect(changes.map((event) => [numberOf(event), event.value])).toEqual([[1, { name: 'www.example' }]])
    expect(health.map((event) => [numberOf(event), event.value])).toMatchObject([
      [0, { address: '192.0.2.1', state: 'unhealthy' }],
    ])
  })

  it('take nothing from listeners, and are silent once nobody subscribes', async () => {
    await using server = await createContainerDns({ zones: ['example'], listen: { port: 0 }, workers: 1 })
    const listened: unknown[] = []
    server.on('change', (change) => listened.push(change))
    const changes = watch('change')
    await server.records.put({ name: 'www.example', type: 'A', data: ['192.0.2.1'] })
    changes[Symbol.dispose]()
    await server.records.put({ name: 'www.example', type: 'A', data: ['192.0.2.2'] })
    expect(changes.map(({ value }) => value)).toEqual([{ name: 'www.example' }])
    expect(listened).toEqual([{ name: 'www.example' }, { name: 'www.example' }])
  })
})
