import { createContainerDns, memoryStore } from 'containerdns'

/** A server in a process of its own, which a test kills, or has throw: says how it runs, or why it does not. */
const store = memoryStore({ rrsets: [{ name: 'www.example.org', type: 'A', data: ['192.0.2.7'] }] })
process.on('disconnect', () => process.exit())
process.on('message', () => {
  throw new Error('a fault of the host')
})
try {
  const server = await createContainerDns({ ...JSON.parse(process.env['OPTIONS']), store })
  const { kind, xdp } = server.stats().transport
  process.send({ kind, frames: xdp?.queues[0].frames })
} catch ({ code }) {
  process.send({ code })
}
