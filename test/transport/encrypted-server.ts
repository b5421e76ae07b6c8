import { createTestServer, type TestServer, type TestServerOptions } from 'containerdns/testing'
import { makeCertificate } from '../support/certificates.js'

/** The addresses of `many.example`. */
export const MANY = Array.from({ length: 1000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`)

/** What `a.example` is answered with. */
export const ANSWER = { rcode: 'NOERROR', flags: 'QR AA RD', answer: ['a.example. 30 A 192.0.2.1'] }
export const { cert, key } = makeCertificate()

export type EncryptedServerOptions = TestServerOptions & { readonly host?: string }

/** A server with one port, for DoT or DoH, a small answer at `a.example` and one of 16 KB at `many.example`. */
export function startEncrypted(
  protocol: 'dot' | 'doh',
  { host = '127.0.0.1', ...options }: EncryptedServerOptions,
): Promise<TestServer> {
  return createTestServer({
    listen: { host, port: 0, protocols: [protocol], tls: { cert, key } },
    rrsets: [
      { name: 'a.example', type: 'A', data: ['192.0.2.1'] },
      { name: 'many.example', type: 'A', data: MANY },
    ],
    ...options,
  })
}
