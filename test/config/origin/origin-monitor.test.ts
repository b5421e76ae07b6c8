import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { readScannerConfig, readSchedulerConfig } from '../../../lib/config/origin/origin-monitor.js'
import { makeCertificate } from '../../support/certificates.js'

const example = (name: string) => fileURLToPath(new URL(`../../../docs/examples/${name}`, import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'containerdns-monitor-'))
afterAll(() => rmSync(folder, { recursive: true }))
const ETCD = '\n[Etcd]\netcd-servers = http://127.0.0.1:2379\n'

function file(text: string): string {
  const path = join(folder, 'x.conf')
  writeFileSync(path, text)
  return path
}
/** What is ignored, by name. */
const namesIn = (ignored: readonly string[]) => ignored.map((each) => /line \d+: (\S+)/.exec(each)?.[1])

describe("the file of ContainerDNS's scanner", () => {
  it('of its README is taken as it stands', async () => {
    const { options, logLevel, ignored } = await readScannerConfig(example('containerdns-scanner.conf'))
    expect(options).toEqual({
      etcd: { hosts: ['http://127.0.0.1:2379'] },
      prefix: '/containerdns/monitor/',
      name: 'hostname1',
      leaseSeconds: 60,
      probes: {
        check: { type: 'tcp', ports: [22, 80, 8080] },
        intervalMs: 10_000,
        timeoutMs: 2_000,
        rise: 1,
      },
    })
    expect(logLevel).toBe('debug')
    const not = ['core', 'log-dir', 'enable-icmp', 'ping-timeout', 'ping-count', 'report-path', 'heart-path']
    expect(namesIn(ignored)).toEqual(not)
    expect(ignored.filter((each) => !each.includes(' is ignored: '))).toEqual([])
  })

  it('is understood in the spelling of its code', async () => {
    const { certFile, keyFile } = makeCertificate()
    const { options, ignored } = await readScannerConfig(
      file(`[general]
HostName = a.example
heartbeat-interval = 5
delay = 60
log-level = 0
[CHECK]
check-interval=3
check-timeout=5
check-retry-count=4
default-scann-ports=8080,9090
ping-timeout=1
max-thread=2000
[etcd]
etcd-servers = https://a:1, https://b:2
etcd-cafile = ${relative(folder, certFile)}
etcd-certfile = ${certFile}
etcd-keyfile = ${keyFile}
status-path = /x/monitor/status/
job-path = /x/jobs
agent-path = /x/agents
[mail]
alert-to = ops@example.org
sys-idx = 1
silent-time = 600
service-room = east
`),
    )
    expect(options).toEqual({
      etcd: {
        hosts: ['https://a:1', 'https://b:2'],
        tls: { ca: { file: certFile }, cert: { file: certFile }, key: { file: keyFile } },
      },
      prefix: '/x/monitor/',
      name: 'a.example',
      leaseSeconds: 10,
      probes: {
        check: { type: 'tcp', ports: [8080, 9090] },
        intervalMs: 3_000,
        timeoutMs: 3_000,
        rise: 1,
        fall: 4,
        concurrency: 2_000,
      },
    })
    const mail = ['alert-to', 'sys-idx', 'silent-time', 'service-room']
    expect(namesIn(ignored)).toEqual(['delay', 'ping-timeout', 'job-path', 'agent-path', ...mail])
  })

  it('with checks switched off calls everything healthy', async () => {
    const { options } = await readScannerConfig(file(`[General]\nenable-check = no\n[Check]${ETCD}`))
    const { checkHealth } = options
    expect(
      typeof checkHealth === 'function' && checkHealth({ address: '192.0.2.1', ports: [] }, undefined as never),
    ).toBe('healthy')
  })

  it('is refused with its line where it says what cannot be', async () => {
    for (const [text, line] of [
      ['[Check]\ncheck-interval = 0', 2],
      ['[Check]\n\ncheck-timeout = 5s', 3],
      ['[Check]\nscann-ports = 22,http', 2],
      ['[Check]\nscann-ports = 70000', 2],
      ['[General]\nheartbeat-interval = 100000\n[Check]', 2],
      ['[General]\nenable-check = perhaps\n[Check]', 2],
      ['[Check]\n[Etcd]\nstatus-path = /containerdns/hosts', 3],
      ['[General]\nschedule-interval = 60', 1],
    ] as const) {
      await expect(readScannerConfig(file(text + (text.includes('[Etcd]') ? '' : ETCD)))).rejects.toMatchObject({
        code: 'CDNS_CONFIG_INVALID',
        message: expect.stringContaining(`x.conf, line ${line}: `),
      })
    }
    for (const text of ['[Check]', `[General]\nhostname = a/b\n[Check]${ETCD}`]) {
      await expect(readScannerConfig(file(text))).rejects.toMatchObject({ code: 'CDNS_CONFIG_INVALID' })
    }
    await expect(readScannerConfig(join(folder, 'none.conf'))).rejects.toMatchObject({ code: 'CDNS_CONFIG_INVALID' })
  })
})

describe("the file of ContainerDNS's schedule", () => {
  it('of its README is taken as it stands', async () => {
    const { options, ignored } = await readSchedulerConfig(example('containerdns-schedule.conf'))
    expect(options).toEqual({
      etcd: { hosts: ['http://127.0.0.1:2379'] },
      prefix: '/containerdns/monitor/',
      name: 'hostname1',
    })
    const times = ['schedule-interval', 'agent-downtime']
    expect(namesIn(ignored)).toEqual([...times, 'log-dir', 'force-lock-time', 'report-path', 'heart-path', 'lock-path'])
    expect(ignored.filter((each) => !each.includes(' is ignored: '))).toEqual([])
  })

  it("may have the scanner's [Mail], with the server that mail goes to", async () => {
    const mail =
      '[General]\nresources = ipaddress\nagent-downtime = 60\n[Mail]\nalert-to = a@example.org, b@example.org\n'
    const { options, ignored } = await readSchedulerConfig(
      file(
        `${mail}silent-time = 600\nservice-room = east\nsmtp-server = mail.example:2525\nmail-from = dns@example.org${ETCD}`,
      ),
    )
    expect(options.alerts).toEqual({
      mail: { host: 'mail.example', port: 2525, from: 'dns@example.org', to: ['a@example.org', 'b@example.org'] },
      name: 'east',
      silentSeconds: 600,
    })
    expect(namesIn(ignored)).toEqual(['resources', 'agent-downtime'])
    const without = await readSchedulerConfig(file(mail + ETCD))
    expect(without.options.alerts).toBeUndefined()
    expect(namesIn(without.ignored)).toContain('alert-to')
  })
})
