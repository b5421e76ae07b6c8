import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Files of one certificate and of the authority that it is from. */
export interface CertificateFiles {
  readonly ca: string
  readonly cert: string
  readonly key: string
}

/** An authority of our own, made with openssl, in a temporary folder. */
export class Authority implements AsyncDisposable {
  readonly #folder: string

  private constructor(folder: string) {
    this.#folder = folder
  }

  static async create(): Promise<Authority> {
    const authority = new Authority(await mkdtemp(join(tmpdir(), 'containerdns-tls-')))
    await authority.#openssl('req', '-x509', ...NEW_KEY, 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=test')
    return authority
  }

  get ca(): string {
    return join(this.#folder, 'ca.pem')
  }

  /** `names` as openssl writes them: `DNS:etcd.test`, `IP:127.0.0.1`. */
  async issue(file: string, names: string): Promise<CertificateFiles> {
    const extensions = `subjectAltName=${names}\nextendedKeyUsage=serverAuth,clientAuth\n`
    await writeFile(join(this.#folder, `${file}.ext`), extensions)
    await this.#openssl('req', ...NEW_KEY, `${file}.key`, '-out', `${file}.csr`, '-subj', `/CN=${file}`)
    await this.#openssl(
      ...['x509', '-req', '-in', `${file}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'],
      ...['-days', '2', '-extfile', `${file}.ext`, '-out', `${file}.pem`],
    )
    return { ca: this.ca, cert: join(this.#folder, `${file}.pem`), key: join(this.#folder, `${file}.key`) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #openssl(...args: string[]): Promise<void> {
    await run('openssl', args, { cwd: this.#folder })
  }
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout'] as const
