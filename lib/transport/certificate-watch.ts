import type { Server } from 'node:tls'
import type { StreamHandler } from './stream-transport.js'
import { type Certificate, readCertificate, secureOptions, stampOf, type TlsIdentity } from './tls-certificate.js'

/**
 * How often files are looked at. A change is taken once it has stood for one look: certificate and key are two files, and are not
 * replaced at once. Events of the file system would come sooner, but not over a network, nor through the links that Kubernetes swaps.
 */
const LOOK_MS = 1_000

/** Keeps the certificate of a TLS server as its files are. A pair that is broken changes nothing, and is reported once. */
export class CertificateWatch {
  #identity: TlsIdentity
  readonly #server: Server
  readonly #handler: Pick<StreamHandler, 'onCertificate'>
  /** The state that was loaded or reported; the state at the last look. */
  #taken: string | undefined
  #seen: string | undefined
  #lastLookMs = performance.now()
  #isLooking = false

  constructor(identity: TlsIdentity, server: Server, handler: Pick<StreamHandler, 'onCertificate'>) {
    this.#identity = identity
    this.#server = server
    this.#handler = handler
  }

  /** Takes what the files hold now: the thread may be the successor of one that died, and they may have changed since the start. */
  async start(): Promise<void> {
    this.#taken = await stampOf(this.#identity.source)
    this.#seen = this.#taken
    if (this.#taken !== undefined) await this.#load(this.#identity.certificate)
  }

  /** Shows a certificate that was read and tried, and watches its files from now on. */
  replace(identity: TlsIdentity): void {
    const { cert, key } = identity.certificate
    const isOther = cert !== this.#identity.certificate.cert || key !== this.#identity.certificate.key
    this.#identity = identity
    if (isOther) this.#server.setSecureContext(secureOptions(identity.certificate))
    this.#taken = undefined
    void this.start()
  }

  /** To be called now and then. */
  look(): void {
    const now = performance.now()
    if (this.#taken === undefined || this.#isLooking || now - this.#lastLookMs < LOOK_MS) return
    this.#lastLookMs = now
    this.#isLooking = true
    void this.#look().finally(() => {
      this.#isLooking = false
    })
  }

  async #look(): Promise<void> {
    const stamp = await stampOf(this.#identity.source)
    const isStill = stamp === this.#seen
    this.#seen = stamp
    if (!isStill || stamp === this.#taken) return
    this.#taken = stamp
    await this.#load(undefined)
  }

  /** Does and says nothing if the certificate is the one that is `known`. */
  async #load(known: Certificate | undefined): Promise<void> {
    const { source } = this.#identity
    try {
      const certificate = await readCertificate(source)
      if (certificate.cert === known?.cert && certificate.key === known.key) return
      this.#server.setSecureContext(secureOptions(certificate))
      this.#handler.onCertificate(source, undefined)
    } catch (error) {
      this.#handler.onCertificate(source, error as Error)
    }
  }
}
