import { describe, expect, it } from 'vitest'
import { originBridge } from '../../../lib/config/origin/origin-bridge.js'
import { parseBridgeOptions } from '../../../lib/kubernetes/bridge-options.js'

/** As the origin's README has it, with its bridge switched on. */
const README = `
[General]
domain=containerdns.local
host = 192.168.169.41
etcd-server = http://127.0.0.1:2379
ip-monitor-path = /containerdns/monitor/status
log-dir = /export/log/containerdns
log-level = 2
log-to-stdio = false

[Kube2DNS]
kube-enable = YES

[DNSApi]
api-enable = YES
api-address = 127.0.0.1:9003
containerdns-auth = 123456789
`

/** Every key that its code knows. */
const WHOLE = `
[General]
host = 10.0.0.1
etcd-server = https://10.0.0.2:2379, https://10.0.0.3:2379
etcd-certfile = /etc/cert.pem
etcd-keyfile = /etc/key.pem
etcd-cafile = /etc/ca.pem
sync-time = 120
ip-monitor-path = /elsewhere/
log-level = 4
cluster-name = east
[Kube2DNS]
kube-domain = East.example.
pod-enable = true
kube-enable = true
svc-ip-source = "clusterIP"
kube-config-file = /etc/kube.conf
[DNSApi]
api-domains = a.example%b.example
`

function faultOf(text: string): string {
  try {
    originBridge('api.conf', text)
  } catch (error) {
    expect(error).toMatchObject({ code: 'CDNS_CONFIG_INVALID' })
    return /line \d+/.exec((error as Error).message)![0]
  }
  return 'none'
}

describe("a file of ContainerDNS's kubeapi", () => {
  it('says what its README does, and the code has for the rest', () => {
    const { options, level, ignored } = originBridge('api.conf', README)
    expect(options).toEqual({
      etcd: { hosts: ['http://127.0.0.1:2379'] },
      cluster: '',
      zone: 'containerdns.local',
      serviceAddresses: 'externalIPs',
      originPodNames: false,
      ttl: 30,
      monitor: true,
      reconcileIntervalMs: 600_000,
    })
    expect(level).toBe('info')
    expect(ignored.map((each) => /line \d+: \S+/.exec(each)![0])).toEqual([
      'line 4: host',
      'line 7: log-dir',
      'line 9: log-to-stdio',
      'line 15: api-enable',
      'line 16: api-address',
      'line 17: containerdns-auth',
    ])
    expect(parseBridgeOptions(options)).toMatchObject({ cluster: '', zone: 'containerdns.local', monitor: true })
  })

  it('may say all there is', () => {
    const { options, level, ignored } = originBridge('api.conf', WHOLE)
    expect(options).toEqual({
      etcd: {
        hosts: ['https://10.0.0.2:2379', 'https://10.0.0.3:2379'],
        tls: { ca: { file: '/etc/ca.pem' }, cert: { file: '/etc/cert.pem' }, key: { file: '/etc/key.pem' } },
      },
      cluster: 'east',
      zone: 'East.example',
      kubeconfig: '/etc/kube.conf',
      serviceAddresses: 'clusterIPs',
      originPodNames: true,
      ttl: 30,
      // Nobody would read it there.
      monitor: false,
      reconcileIntervalMs: 120_000,
    })
    expect(level).toBe('debug')
    expect(ignored).toHaveLength(3)
  })

  it('is not taken for less than a minute between two comparisons', () => {
    const intervalOf = (seconds: string) =>
      originBridge('api.conf', `[General]\nsync-time=${seconds}\netcd-server=http://a:1\n[Kube2DNS]\n`).options
        .reconcileIntervalMs
    expect(['', '60', '61'].map(intervalOf)).toEqual([600_000, 600_000, 61_000])
  })

  it.each([
    ['line 3', '[Kube2DNS]\n\nkube-enable = NO\n[General]\netcd-server = http://a:1'],
    ['line 2', '[Kube2DNS]\npod-enable = perhaps\n[General]\netcd-server = http://a:1'],
    ['line 4', '[Kube2DNS]\n[General]\netcd-server = http://a:1\nsync-time = soon'],
    ['line 1', '[Kube2DNS]\nkube-enable = true'],
    ['line 1', '[Dns]\ndns-domains = a.example'],
  ])('is wrong in %s: %j', (line, text) => {
    expect(faultOf(text)).toBe(line)
  })
})
