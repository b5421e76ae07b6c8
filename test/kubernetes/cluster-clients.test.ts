import { describe, expect, it } from 'vitest'
import { ClusterClients } from '../../lib/kubernetes/cluster-clients.js'

const pod = (...addresses: string[]) => ({ namespace: 'default', addresses, node: 'n1' })

describe('clients of a cluster', () => {
  it('has the address of a pod that is there still, when the one that had it before is told to be gone', () => {
    const clients = new ClusterClients({ zoneViews: new Set(['a']), zoneClients: 'pods' })
    clients.setNode('/n1', { zone: 'a', networks: ['10.244.1.0/24'] })
    const [before, after] = [pod('192.0.2.7'), pod('192.0.2.7')]
    clients.setPod(undefined, before)
    clients.setPod(undefined, after)
    clients.setPod(before, undefined)
    expect(clients.take().get('a')).toEqual(['10.244.1.0/24', '192.0.2.7'])
    clients.setPod(after, undefined)
    expect([clients.changed, clients.take().get('a')]).toEqual(['pods', ['10.244.1.0/24']])
  })
})
