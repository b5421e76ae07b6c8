import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { type ContainerDns, createContainerDns, type Logger } from 'containerdns'
import { createTestServer } from 'containerdns/testing'
import { describe, expect, it } from 'vitest'
import { makeCertificate, type TestCertificate } from '../support/certificates.js'
import { DohClient } from '../support/doh-client.js'
import { describeResponse } from '../support/expect-response.js'
import { TcpClient } from '../support/tcp-client.js'

const FIRST = makeCertificate('first')
const SECOND = makeCertificate('second')
const DATA = { rrsets: [{ name: 'a.example', type: 'A' as const, data: ['192.0.2.1'] }] }

/** Files of a test's own, with a certificate in them. */
class Files implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'containerdns-reload-'))
  readonly cert = join(this.folder, 'tls.crt')
  readonly key = join(this.folder, 'tls.key')

  constructor() {
    this.hold(FIRST)
  }

  hold(certificate: TestCertificate): void {
    writeFileSync(this.cert, certificate.cert)
    writeFileSync(this.key, certificate.key)
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true })
  }
}

function start({ cert, key }: { cert: string; key: string }, logger?: Logger) {
  const tls = { cert, key }
  return createTestServer({
    ...DATA,
    listen: [
      { port: 0, protocols: ['dot'], tls },
      { port: 0, protocols: ['doh'], tls },
    ],
    ...(logger === undefined ? {} : { logger }),
  })
}

async function shownBy(server: ContainerDns, protocol: 'dot' | 'doh'): Promise<string> {
  const address = server.addresses.find((each) => each.protocol === protocol)!
  const options = protocol === 'doh' ? { ALPNProtocols: ['h2'] } : {}
  await using client = await TcpClient.openTls(address, options)
  return (client.socket as TLSSocket).getPeerCertificate().subject.CN as unknown as string
}

const IN_TIME = { timeout: 10_000 }

describe('a certificate in files', () => {
  it('is replaced while the server runs, and connections stay', async () => {
    using files = new Files()
    await using server = await start(files)
    const [dotAddress, dohAddress] = server.addresses
    await using dot = await TcpClient.openTls(dotAddress!)
    await using doh = await DohClient.open(dohAddress!)
    expect(await shownBy(server, 'dot')).toBe('first')
    expect(await shownBy(server, 'doh')).toBe('first')
    files.hold(SECOND)
    await expect.poll(() => shownBy(server, 'dot'), IN_TIME).toBe('second')
    await expect.poll(() => shownBy(server, 'doh'), IN_TIME).toBe('second')
    expect(describeResponse(await dot.ask('a.example')).rcode).toBe('NOERROR')
    expect(await doh.get('a.example')).toMatchObject({ status: 200 })
  })

  it('that is a link is replaced when the link is, as Kubernetes does it', async () => {
    using files = new Files()
    const links = { cert: join(files.folder, 'link.crt'), key: join(files.folder, 'link.key') }
    const pointTo = ({ certFile, keyFile }: TestCertificate) => {
      rmSync(links.cert, { force: true })
      rmSync(links.key, { force: true })
      symlinkSync(certFile, links.cert)
      symlinkSync(keyFile, links.key)
    }
    pointTo(FIRST)
    await using server = await start(links)
    expect(await shownBy(server, 'dot')).toBe('first')
    pointTo(SECOND)
    await expect.poll(() => shownBy(server, 'dot'), IN_TIME).toBe('second')
  })

  it.each([
    ['is not PEM', (files: Files) => writeFileSync(files.cert, 'nothing'), 'CDNS_CERTIFICATE_INVALID'],
    ['is cut short', (files: Files) => writeFileSync(files.cert, FIRST.cert.slice(0, 200)), 'CDNS_CERTIFICATE_INVALID'],
    ['belongs to another key', (files: Files) => writeFileSync(files.cert, SECOND.cert), 'CDNS_CERTIFICATE_INVALID'],
    ['is gone', (files: Files) => rmSync(files.key), 'CDNS_CERTIFICATE_MISSING'],
  ])('that %s is reported, and the one before stays until it is mended', async (_, breakIt, code) => {
    using files = new Files()
    await using server = await createTestServer({
      ...DATA,
      listen: { port: 0, protocols: ['dot'], tls: { cert: files.cert, key: files.key } },
    })
    const errors: unknown[] = []
    server.on('error', (error) => errors.push(error))
    breakIt(files)
    await expect.poll(() => errors, IN_TIME).toMatchObject([{ code }])
    expect(await shownBy(server, 'dot')).toBe('first')
    files.hold(SECOND)
    await expect.poll(() => shownBy(server, 'dot'), IN_TIME).toBe('second')
    expect(errors).toHaveLength(1)
    expect(server.stats().threads).toMatchObject([{ restarts: 0 }])
  })

  it('is logged when it is replaced, by the name of its file', async () => {
    using files = new Files()
    const lines: unknown[] = []
    const log = (fields: object, message: string) => void lines.push({ ...fields, message })
    await using server = await start(files, { debug: () => {}, info: log, warn: log, error: log })
    files.hold(SECOND)
    await expect
      .poll(() => lines, IN_TIME)
      .toContainEqual(expect.objectContaining({ file: files.cert, message: 'a certificate has been replaced' }))
    expect(server.ready).toBe(true)
  })
})

describe('a certificate', () => {
  it.each([
    ['PEM text', (name: 'cert' | 'key') => FIRST[name]],
    ['a path', (name: 'cert' | 'key') => (name === 'cert' ? FIRST.certFile : FIRST.keyFile)],
  ])('may be given as %s', async (_, given) => {
    await using server = await start({ cert: given('cert'), key: given('key') })
    expect(await shownBy(server, 'dot')).toBe('first')
  })

  it('may be PEM while its key is a path, with text before it', async () => {
    using files = new Files()
    writeFileSync(files.key, `# a comment\n${FIRST.key}`)
    await using server = await start({ cert: `\n${FIRST.cert}`, key: files.key })
    expect(await shownBy(server, 'dot')).toBe('first')
  })

  it('may have a key of RSA', async () => {
    const { cert, key } = makeCertificate('rsa', ['rsa:2048'])
    await using server = await start({ cert, key })
    expect(await shownBy(server, 'dot')).toBe('rsa')
    expect(await shownBy(server, 'doh')).toBe('rsa')
  })

  it.each([
    ['is not there', { key: FIRST.key }, 'CDNS_CERTIFICATE_MISSING'],
    ['has no key', { cert: FIRST.cert }, 'CDNS_CERTIFICATE_MISSING'],
    ['has no file', { cert: '/no/such/file', key: FIRST.key }, 'CDNS_CERTIFICATE_MISSING'],
    ['is a folder', { cert: dirname(FIRST.certFile), key: FIRST.key }, 'CDNS_CERTIFICATE_MISSING'],
    ['belongs to another key', { cert: FIRST.cert, key: SECOND.key }, 'CDNS_CERTIFICATE_INVALID'],
    ['is a key', { cert: FIRST.key, key: FIRST.key }, 'CDNS_CERTIFICATE_INVALID'],
    ['is cut short', { cert: FIRST.cert.slice(0, 100), key: FIRST.key }, 'CDNS_CERTIFICATE_INVALID'],
    ['is in a file that is no PEM', { cert: FIRST.certFile, key: process.execPath }, 'CDNS_CERTIFICATE_INVALID'],
  ])('that %s fails the start, and nothing stays open', async (_, tls, code) => {
    const listen = [{ port: 0 }, { port: 0, protocols: ['dot' as const], tls: tls as { cert: string; key: string } }]
    await expect(createContainerDns({ listen })).rejects.toMatchObject({ code })
  })
})
