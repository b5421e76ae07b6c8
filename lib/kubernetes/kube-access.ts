import { existsSync, readFileSync } from 'node:fs'
import type { RequestOptions } from 'node:https'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { ContainerDnsError } from '../errors.js'
import { accessByPackage } from './client-node.js'
import { readKubeconfig } from './kubeconfig.js'

/** Which API server, and who we are. */
export interface KubeAccessOptions {
  readonly kubeconfig: string | undefined
  readonly context: string | undefined
}

/** Where the API server is, and what a request to it needs. */
export interface KubeAccess {
  readonly server: URL
  /** Asked for each request: tokens and certificates are renewed. */
  requestOptions(): Promise<RequestOptions>
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'

/**
 * As kubectl looks for it: the file that is named, $KUBECONFIG, ~/.kube/config, and in a pod its service account.
 *
 * Throws CDNS_KUBECONFIG_INVALID, and CDNS_KUBERNETES_CLIENT_MISSING where a login is needed that is not ours to do.
 */
export async function loadAccess(options: KubeAccessOptions, env = process.env): Promise<KubeAccess> {
  const files = filesFor(options, env)
  try {
    if (files.length === 0) return inCluster(env)
    // Several are merged, which the package knows how to do.
    const own = files.length === 1 ? readKubeconfig(files[0]!, options.context) : undefined
    return own ?? (await accessByPackage(options))
  } catch (cause) {
    if (cause instanceof ContainerDnsError) throw cause
    throw new ContainerDnsError(
      'CDNS_KUBECONFIG_INVALID',
      `${files.join(delimiter) || 'the service account'}: ${(cause as Error).message}`,
      { cause },
    )
  }
}

function filesFor({ kubeconfig }: KubeAccessOptions, env: NodeJS.ProcessEnv): string[] {
  if (kubeconfig !== undefined) return [kubeconfig]
  const named = env['KUBECONFIG']?.split(delimiter).filter((file) => file !== '') ?? []
  if (named.length > 0) return named
  const file = join(homedir(), '.kube', 'config')
  return existsSync(file) ? [file] : []
}

/** The token is renewed in its file about once an hour, and the authority may be. */
function inCluster(env: NodeJS.ProcessEnv): KubeAccess {
  const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '443' } = env
  if (host === '') throw new Error('there is no kubeconfig, and this is no pod of a cluster')
  const read = (file: string) => readFileSync(join(SERVICE_ACCOUNT, file))
  const requestOptions = async (): Promise<RequestOptions> => ({
    ca: read('ca.crt'),
    headers: { authorization: `Bearer ${read('token').toString('utf8').trim()}` },
  })
  read('token')
  return { server: new URL(`https://${host.includes(':') ? `[${host}]` : host}:${port}`), requestOptions }
}
