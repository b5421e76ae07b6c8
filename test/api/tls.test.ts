import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { memoryStore } from 'containerdns'
import { startApi } from 'containerdns/api'
import { describe, expect, it } from 'vitest'
import { makeCertificate } from '../support/certificates.js'
import { eventually } from '../support/eventually.js'
import { TOKENS } from './running-api.js'

/** The status of a request, and whose certificate was shown. */
function ask(port: number, ca: string, headers: Record<string, string>, method = 'GET', path = '/v1/zones', body = '') {
  return new Promise<{ status: number; subject: string }>((resolve, reject) => {
    const sent = request({ ...{ host: '127.0.0.1', port, ca, headers, method, path, agent: false } }, (response) => {
      const subject = (response.socket as TLSSocket).getPeerCertificate().subject.CN as string
      response.resume()
      response.on('end', () => resolve({ status: response.statusCode!, subject }))
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

describe('the API over TLS', () => {
  it('shows its certificate, takes a renewed one in place, and writes its audit to a file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'containerdns-api-'))
    const [first, second] = [makeCertificate('first'), makeCertificate('second')]
    const tls = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') }
    const install = ({ certFile, keyFile }: typeof first) => {
      copyFileSync(certFile, tls.cert)
      copyFileSync(keyFile, tls.key)
    }
    install(first)
    const auditFile = join(folder, 'audit.jsonl')
    const api = await startApi({
      store: memoryStore(),
      zones: ['example'],
      tokens: TOKENS,
      auditFile,
      listen: { port: 0, tls },
    })
    try {
      expect(api.url).toBe(`https://127.0.0.1:${api.port}`)
      const headers = { authorization: 'Bearer alice-secret', 'content-type': 'application/json' }
      expect(await ask(api.port, first.cert, headers)).toEqual({ status: 200, subject: 'first' })
      expect(await ask(api.port, first.cert, {})).toMatchObject({ status: 401 })
      install(second)
      await eventually(async () =>
        expect(await ask(api.port, second.cert, headers)).toEqual({ status: 200, subject: 'second' }),
      )
      const path = '/v1/zones/example/rrsets/a.example/A'
      expect(await ask(api.port, second.cert, headers, 'PUT', path, '{"data":["192.0.2.1"]}')).toMatchObject({
        status: 201,
      })
    } finally {
      await api.close()
    }
    const lines = readFileSync(auditFile, 'utf8').trim().split('\n')
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { principal: 'alice', action: 'put', name: 'a.example', type: 'A' },
    ])
    rmSync(folder, { recursive: true })
  })
})
