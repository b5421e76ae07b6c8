import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A self-signed certificate with its key, as PEM text and as files. */
export interface TestCertificate {
  readonly cert: string
  readonly key: string
  readonly certFile: string
  readonly keyFile: string
}

/** Makes one for `localhost` and 127.0.0.1. `-newkey` of openssl says what kind the key is. */
export function makeCertificate(commonName = 'localhost', newKey: readonly string[] = P256): TestCertificate {
  const folder = mkdtempSync(join(tmpdir(), 'containerdns-certificate-'))
  const certFile = join(folder, 'cert.pem')
  const keyFile = join(folder, 'key.pem')
  const names = 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1'
  const request = ['req', '-x509', '-nodes', '-days', '2', '-subj', `/CN=${commonName}`, '-addext', names]
  execFileSync('openssl', [...request, '-newkey', ...newKey, '-keyout', keyFile, '-out', certFile], { stdio: 'pipe' })
  return { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8'), certFile, keyFile }
}

const P256 = ['ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']
