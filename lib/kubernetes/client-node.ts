import type { RequestOptions } from 'node:https'
import { createRequire } from 'node:module'
import { ContainerDnsError } from '../errors.js'
import type { KubeAccess, KubeAccessOptions } from './kube-access.js'

/**
 * Access by `@kubernetes/client-node`, which knows all ways to log in: programs, OIDC, proxies. The door to it.
 *
 * For the rest we do without. Its Watch drops lines that it cannot parse or whose handler throws, has no back-pressure and aborts after 30 s
 * of silence; its informer ends for good at the first error that is not 410, lists in one page and asks for no bookmarks; and 2.0.1
 * does not load on Node 20, for which its undici is too new (all read and tried 2026-11).
 *
 * Throws CDNS_KUBERNETES_CLIENT_MISSING.
 */
export async function accessByPackage({ kubeconfig, context }: KubeAccessOptions): Promise<KubeAccess> {
  const { KubeConfig } = await load()
  const config = new KubeConfig()
  if (kubeconfig === undefined) config.loadFromDefault()
  else config.loadFromFile(kubeconfig)
  if (context !== undefined) config.setCurrentContext(context)
  const cluster = config.getCurrentCluster()
  if (cluster === null) throw new Error(`it has no cluster for the context "${config.getCurrentContext()}"`)
  return {
    server: new URL(cluster.server),
    requestOptions: async () => {
      const options: RequestOptions = {}
      await config.applyToHTTPSOptions(options)
      return options
    },
  }
}

const PACKAGE = '@kubernetes/client-node'
/** The first version that needs a newer Node.js, and the first that it loads on. */
const MODERN_VERSION = 2
const MODERN_NODE = 22

async function load(): Promise<typeof import('@kubernetes/client-node')> {
  try {
    refuseOldNode()
    return await import('@kubernetes/client-node')
  } catch (cause) {
    throw new ContainerDnsError(
      'CDNS_KUBERNETES_CLIENT_MISSING',
      'this kubeconfig logs in by a program, a provider or a proxy, which takes a package that cannot be loaded: ' +
        `npm install ${PACKAGE} (on Node.js 20: ${PACKAGE}@1). ${(cause as Error).message}`,
      { cause },
    )
  }
}

/** An import that fails inside of it leaves a rejection behind that nobody can handle, and that would end the host. */
function refuseOldNode(): void {
  const { version } = createRequire(import.meta.url)(`${PACKAGE}/package.json`) as { version: string }
  const isOldNode = Number.parseInt(process.versions.node, 10) < MODERN_NODE
  if (isOldNode && Number.parseInt(version, 10) >= MODERN_VERSION) {
    throw new Error(`version ${version} does not load on Node.js ${process.versions.node}`)
  }
}
