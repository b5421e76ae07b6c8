import { once } from 'node:events'
import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import type { Alert, AlertSender } from '../../../lib/health/alerts/alert.js'
import { AlertChannel } from '../../../lib/health/alerts/alert-channel.js'
import { Mail } from '../../../lib/health/alerts/mail.js'
import { type MailOptions, parseAlerts, type WebhookOptions } from '../../../lib/health/alerts/options.js'
import { Webhook } from '../../../lib/health/alerts/webhook.js'
import { silentLogger } from '../../../lib/log.js'
import { makeCertificate } from '../../support/certificates.js'
import { eventually } from '../../support/eventually.js'
import { MailServer } from '../../support/mail-server.js'
import { WebhookServer } from '../../support/webhook-server.js'

const AT = Date.UTC(2026, 0, 2, 3, 4, 5)
const down = (address: string, reason = 'port 80: ECONNREFUSED'): Alert => ({
  ...{ address, state: 'unhealthy', at: AT, reason, isRepeated: false },
})
const up = (address: string): Alert => ({ address, state: 'healthy', at: AT, isRepeated: false })

const channel = (sender: AlertSender, logger = silentLogger) =>
  new AlertChannel({ sender, logger, retryMs: 2, gatherMs: 20 })
const webhook = (options: WebhookOptions) =>
  channel(new Webhook(parseAlerts('alerts', { webhook: options })!.webhook!, 'east'))
const mail = (port: number, options: Partial<MailOptions> = {}, logger = silentLogger) =>
  channel(
    new Mail(
      parseAlerts('alerts', {
        mail: {
          host: '127.0.0.1',
          port,
          from: 'dns@example.org',
          to: ['ops@example.org', 'b@example.org'],
          ...options,
        },
      })!.mail!,
      'east',
    ),
    logger,
  )

type Callback = (error: Error | null, answer?: { user: string }) => void

describe('a webhook', () => {
  it('is posted what has come within a moment as JSON, once', async () => {
    await using server = await WebhookServer.start()
    const sending = webhook({ url: `${server.url}?a=b`, headers: { Authorization: 'Bearer t' } })
    sending.add(down('192.0.2.1'))
    sending.add({ ...up('192.0.2.2'), isRepeated: false })
    await eventually(() => sending.counts.sent === 2)
    expect(server.posted).toEqual([
      {
        url: '/hook?a=b',
        headers: expect.objectContaining({ authorization: 'Bearer t', 'content-type': 'application/json' }),
        body: {
          name: 'east',
          alerts: [
            {
              address: '192.0.2.1',
              state: 'unhealthy',
              at: '2026-01-02T03:04:05.000Z',
              reason: 'port 80: ECONNREFUSED',
              repeated: false,
            },
            { address: '192.0.2.2', state: 'healthy', at: '2026-01-02T03:04:05.000Z', repeated: false },
          ],
        },
      },
    ])
    expect(sending.counts).toEqual({ sent: 2, failed: 0, dropped: 0, waiting: 0, refused: 0 })
    await sending.close()
  })

  it('is asked again when it fails, until it works', async () => {
    await using server = await WebhookServer.start((request) => (request < 3 ? [500, 429, 503][request] : 200))
    const sending = webhook({ url: server.url })
    sending.add(down('192.0.2.1'))
    await eventually(() => sending.counts.sent === 1)
    expect(server.posted).toHaveLength(4)
    await sending.close()
  })

  it('is given up after six attempts, and told of the next all the same', async () => {
    await using server = await WebhookServer.start((request) => (request < 6 ? 500 : 200))
    const sending = webhook({ url: server.url })
    sending.add(down('192.0.2.1'))
    await eventually(() => sending.counts.failed === 1)
    expect(server.posted).toHaveLength(6)
    sending.add(down('192.0.2.2'))
    await eventually(() => sending.counts.sent === 1)
    await sending.close()
  })

  it('is not followed to another place, nor asked again for what it refuses', async () => {
    for (const status of [301, 302, 307, 308, 400, 401, 404]) {
      await using server = await WebhookServer.start(() => status)
      const sending = webhook({ url: server.url })
      sending.add(down('192.0.2.1'))
      await eventually(() => sending.counts.failed === 1)
      expect(server.posted.map(({ url }) => url)).toEqual(['/hook'])
      await sending.close()
    }
  })

  it('that says nothing is given up in time, and holds up no end', async () => {
    await using server = await WebhookServer.start((request) => (request === 0 ? undefined : 200))
    const sending = webhook({ url: server.url, timeoutMs: 100 })
    sending.add(down('192.0.2.1'))
    await eventually(() => sending.counts.sent === 1)
    await sending.close()
    await using silent = await WebhookServer.start(() => undefined)
    const waiting = webhook({ url: silent.url, timeoutMs: 60_000 })
    waiting.add(down('192.0.2.1'))
    await eventually(() => silent.posted.length === 1)
    waiting.add(down('192.0.2.2'))
    await waiting.close()
    expect(waiting.counts).toEqual({ sent: 0, failed: 0, dropped: 2, waiting: 0, refused: 0 })
    waiting.add(down('192.0.2.3'))
    expect(waiting.counts.dropped).toBe(3)
  })

  it('that nobody runs costs nothing but a count', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    server.close()
    await once(server, 'close')
    const sending = webhook({ url: `http://127.0.0.1:${port}/` })
    sending.add(down('192.0.2.1'))
    await eventually(() => sending.counts.failed === 1)
    await sending.close()
  })
})

describe('a queue of alerts', () => {
  it('has room for ten thousand, tells 500 at a time in their order, and counts the rest', async () => {
    const batches: (readonly Alert[])[] = []
    const sending = channel({
      kind: 'webhook',
      timeoutMs: 1_000,
      send: async (alerts) => {
        batches.push(alerts)
        return []
      },
    })
    const addresses = Array.from({ length: 10_010 }, (_, i) => `10.0.${i >> 8}.${i & 255}`)
    for (const address of addresses) sending.add(down(address))
    expect(sending.counts).toMatchObject({ waiting: 10_000, dropped: 10 })
    await eventually(() => sending.counts.sent === 10_000)
    expect(batches.every((batch) => batch.length === 500)).toBe(true)
    expect(batches.flat().map(({ address }) => address)).toEqual(addresses.slice(0, 10_000))
    await sending.close()
  })
})

describe('a mail', () => {
  it("of one address has the subject of ContainerDNS's", async () => {
    await using server = await MailServer.start()
    const sending = mail(server.port)
    sending.add(down('192.0.2.1'))
    await eventually(() => sending.counts.sent === 1)
    const [received] = server.received
    expect(received).toMatchObject({
      from: 'dns@example.org',
      to: ['ops@example.org', 'b@example.org'],
      subject: '[east] Warning: 192.0.2.1 status is down',
      text: '2026-01-02T03:04:05.000Z  192.0.2.1 is down: port 80: ECONNREFUSED\r\n',
      isSecure: false,
    })
    expect(received!.headers).toMatch(/^Auto-Submitted: auto-generated\r?$/m)
    await sending.close()
  })

  it('of many addresses is one, those first that are down', async () => {
    await using server = await MailServer.start()
    const sending = mail(server.port)
    for (const alert of [up('192.0.2.9'), down('192.0.2.1'), { ...down('2001:db8::1'), isRepeated: true }])
      sending.add(alert)
    await eventually(() => sending.counts.sent === 3)
    expect(server.received.map(({ subject, text }) => [subject, text.split('\r\n').slice(0, 3)])).toEqual([
      [
        '[east] Warning: 2 addresses are down, 192.0.2.9 status is up',
        [
          '2026-01-02T03:04:05.000Z  192.0.2.1 is down: port 80: ECONNREFUSED',
          '2026-01-02T03:04:05.000Z  2001:db8::1 is still down: port 80: ECONNREFUSED',
          '2026-01-02T03:04:05.000Z  192.0.2.9 is up again',
        ],
      ],
    ])
    await sending.close()
  })

  it('is not made into two by what a probe has said', async () => {
    await using server = await MailServer.start()
    const sending = mail(server.port)
    sending.add(down('192.0.2.1', 'a\r\n.\r\nMAIL FROM:<x@example.org>\r\n'))
    await eventually(() => sending.counts.sent === 1)
    expect(server.received).toHaveLength(1)
    await sending.close()
  })

  it('has a line for each address, of some length, whatever a probe has said', async () => {
    await using server = await MailServer.start()
    const sending = mail(server.port)
    sending.add(
      down('192.0.2.1', `refused\n2026-01-02T03:04:05.000Z  192.0.2.2 is up\u2028again\0${'x'.repeat(1_000_000)}`),
    )
    await eventually(() => sending.counts.sent === 1)
    const text = server.received[0]!.text.replace(/=\r\n/g, '')
    expect(text.split(/[\r\n\u2028]+/).filter(Boolean)).toEqual([
      expect.stringMatching(/192\.0\.2\.1 is down: refused 2026-\S+ {2}192\.0\.2\.2 is up again x+$/),
    ])
    expect(text.length).toBeLessThan(1000)
    await sending.close()
  })

  it('is tried again after a failure that passes, and not after one that does not', async () => {
    await using passing = await MailServer.start({ refuse: () => (passing.offered < 3 ? 451 : undefined) })
    const sending = mail(passing.port)
    sending.add(down('192.0.2.1'))
    await eventually(() => sending.counts.sent === 1)
    expect(passing.offered).toBe(3)
    await sending.close()
    await using final = await MailServer.start({ refuse: () => 554 })
    const refused = mail(final.port)
    refused.add(down('192.0.2.1'))
    await eventually(() => refused.counts.failed === 1)
    expect(final.offered).toBe(1)
    await refused.close()
  })

  it('is sent to those whom the server takes it for, and tells of the others once', async () => {
    const onRcptTo = ({ address }: { address: string }, _: unknown, callback: Callback) =>
      address.startsWith('gone')
        ? callback(Object.assign(new Error('no such user'), { responseCode: 550 }))
        : callback(null)
    await using server = await MailServer.start({ onRcptTo: onRcptTo as never })
    const logged: object[] = []
    const logger = { ...silentLogger, error: (fields: object) => void logged.push(fields) }
    const to = ['gone@example.org', 'ops@example.org', 'gone.too@example.org']
    const sending = mail(server.port, { to }, logger)
    sending.add(down('192.0.2.1'))
    await eventually(() => sending.counts.sent === 1)
    sending.add(down('192.0.2.2'))
    await eventually(() => sending.counts.sent === 2)
    expect(sending.counts).toEqual({ sent: 2, failed: 0, dropped: 0, waiting: 0, refused: 4 })
    expect(server.received.map(({ to }) => to)).toEqual([['ops@example.org'], ['ops@example.org']])
    expect(logged).toMatchObject([{ recipient: 'gone@example.org' }, { recipient: 'gone.too@example.org' }])
    await sending.close()
    // Where none is left, nobody is told.
    const none = mail(server.port, { to: 'gone@example.org' })
    none.add(down('192.0.2.1'))
    await eventually(() => expect(none.counts).toEqual({ sent: 0, failed: 1, dropped: 0, waiting: 0, refused: 0 }))
    await none.close()
  })

  it('goes over TLS with a name and a password', async () => {
    const { cert, key } = makeCertificate()
    const onAuth = (auth: { username?: string; password?: string }, _: unknown, callback: Callback) =>
      auth.username === 'u' && auth.password === 'p' ? callback(null, { user: 'u' }) : callback(new Error('no'))
    const secure = { cert, key, disabledCommands: [], hideSTARTTLS: false, onAuth: onAuth as never }
    const auth = { username: 'u', password: 'p' }
    for (const [server, tls] of [
      [{ ...secure }, 'required'],
      [{ ...secure, secure: true }, 'implicit'],
    ] as const) {
      await using running = await MailServer.start(server)
      const sending = mail(running.port, { auth, tls, verifyCertificate: false })
      sending.add(down('192.0.2.1'))
      await eventually(() => sending.counts.sent === 1)
      expect(running.received).toMatchObject([{ isSecure: true, user: 'u' }])
      await sending.close()
      // Nobody vouches for this certificate.
      const wary = mail(running.port, { auth, tls })
      wary.add(down('192.0.2.1'))
      await eventually(() => wary.counts.failed === 1)
      expect(running.received).toHaveLength(1)
      await wary.close()
    }
  })

  it('says no password to a server that does not encrypt', async () => {
    let asked = 0
    const onAuth = (_auth: unknown, _session: unknown, callback: Callback) => {
      asked++
      callback(null, { user: 'u' })
    }
    await using server = await MailServer.start({
      disabledCommands: [],
      allowInsecureAuth: true,
      onAuth: onAuth as never,
    })
    const sending = mail(server.port, { auth: { username: 'u', password: 'p' } })
    sending.add(down('192.0.2.1'))
    await eventually(() => sending.counts.failed === 1)
    expect([asked, server.offered]).toEqual([0, 0])
    await sending.close()
  })

  it('to a server that says nothing holds up no end', async () => {
    const silent = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const connected = once(silent, 'connection')
    const sending = mail((silent.address() as { port: number }).port)
    sending.add(down('192.0.2.1'))
    await connected
    await sending.close()
    expect(sending.counts).toMatchObject({ dropped: 1, waiting: 0 })
    silent.close()
    await once(silent, 'close')
  })
})
