import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { loadAccess } from '../../lib/kubernetes/kube-access.js'

const folder = mkdtempSync(join(tmpdir(), 'kube-access-'))
afterAll(() => rmSync(folder, { recursive: true }))

function config(name: string, cluster: object, user: object, more: object = {}): string {
  const file = join(folder, name)
  const whole = {
    'current-context': 'c',
    contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
    clusters: [{ name: 'k', cluster }],
    users: [{ name: 'u', user }],
    ...more,
  }
  writeFileSync(file, JSON.stringify(whole))
  return file
}

async function codeOf(kubeconfig: string, context?: string): Promise<unknown> {
  return loadAccess({ kubeconfig, context }).then(
    () => 'none',
    (error: { code?: unknown }) => error.code,
  )
}

describe('access by a kubeconfig', () => {
  const server = 'https://192.0.2.1:6443/prefix'

  it('takes certificates and tokens from it, or from files that it names, and reads those for each request', async () => {
    writeFileSync(join(folder, 'ca.pem'), 'the authority')
    writeFileSync(join(folder, 'token'), 'first\n')
    const kubeconfig = config(
      'whole',
      { server, 'certificate-authority': 'ca.pem', 'tls-server-name': 'kube.example' },
      {
        'client-certificate-data': Buffer.from('cert').toString('base64'),
        'client-key-data': Buffer.from('key').toString('base64'),
        tokenFile: 'token',
      },
    )
    const access = await loadAccess({ kubeconfig, context: undefined })
    expect(access.server.href).toBe(server)
    expect(await access.requestOptions()).toEqual({
      ca: Buffer.from('the authority'),
      cert: Buffer.from('cert'),
      key: Buffer.from('key'),
      servername: 'kube.example',
      headers: { authorization: 'Bearer first' },
    })
    writeFileSync(join(folder, 'token'), 'second')
    expect((await access.requestOptions()).headers).toEqual({ authorization: 'Bearer second' })
  })

  it('takes a password, and the context that is asked for', async () => {
    const contexts = [
      { name: 'c', context: { cluster: 'none', user: 'u' } },
      { name: 'd', context: { cluster: 'k', user: 'u' } },
    ]
    const kubeconfig = config(
      'contexts',
      { server, 'insecure-skip-tls-verify': true },
      { username: 'a', password: 'b' },
      { contexts },
    )
    const access = await loadAccess({ kubeconfig, context: 'd' })
    expect(await access.requestOptions()).toEqual({
      rejectUnauthorized: false,
      headers: { authorization: 'Basic YTpi' },
    })
    expect(await codeOf(kubeconfig)).toBe('CDNS_KUBECONFIG_INVALID')
  })

  it.each([
    ['no server', {}, {}],
    ['a certificate that is not there', { server, 'certificate-authority': 'none.pem' }, {}],
    ['a token that would go in the clear', { server: 'http://192.0.2.1:8080' }, { token: 'secret' }],
    ['a token that is no text', { server }, { token: 7 }],
  ])('refuses %s', async (_, cluster, user) => {
    expect(await codeOf(config('bad', cluster, user))).toBe('CDNS_KUBECONFIG_INVALID')
  })

  it.each(['', '[]', '{"clusters": 1}', '{'])('refuses what is none: %j', async (text) => {
    const file = join(folder, 'none')
    writeFileSync(file, text)
    expect(await codeOf(file)).toBe('CDNS_KUBECONFIG_INVALID')
  })

  it('leaves plain HTTP to whoever has no secret to tell, or stays on the host', async () => {
    expect(await codeOf(config('plain', { server: 'http://192.0.2.1:8001' }, {}))).toBe('none')
    expect(await codeOf(config('proxy', { server: 'http://127.0.0.1:8001' }, { token: 'secret' }))).toBe('none')
  })

  it('needs the package for a login by a program, and does so or says so', async () => {
    const kubeconfig = config(
      'exec',
      { server },
      { exec: { command: 'true', apiVersion: 'client.authentication.k8s.io/v1' } },
    )
    // The version that is installed does not load on Node 20.
    const isLoadable = Number(process.versions.node.split('.')[0]) >= 22
    expect(await codeOf(kubeconfig)).toBe(isLoadable ? 'none' : 'CDNS_KUBERNETES_CLIENT_MISSING')
  })

  it('says that there is none outside of a cluster without a file', async () => {
    const failure = loadAccess({ kubeconfig: undefined, context: undefined }, { KUBECONFIG: join(folder, 'not-there') })
    await expect(failure).rejects.toMatchObject({ code: 'CDNS_KUBECONFIG_INVALID' })
  })
})
