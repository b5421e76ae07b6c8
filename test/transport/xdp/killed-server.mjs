import { createContainerDns, memoryStore } from 'containerdns'

/** A server in a process of its own, which a test kills. */
const store = memoryStore({ rrsets: [{ name: 'www.example.org', type: 'A', data: ['192.0.2.7'] }] })
await createContainerDns({ ...JSON.parse(process.env['OPTIONS']), store })
process.send('ready')
process.on('disconnect', () => process.exit())
