import { afterAll, beforeAll } from 'vitest'
import { NetworkNamespaces, namespaceObstacle, SERVER_INTERFACE } from '../../support/network-namespaces.js'

/** Set to 1 where a machine has no network namespaces and AF_XDP need not be tested: everything else fails loudly. */
const WITHOUT = process.env['CONTAINERDNS_WITHOUT_NAMESPACES'] === '1'
const OBSTACLE = namespaceObstacle()

/** Whether AF_XDP is tested here. */
export const hasCable = OBSTACLE === undefined || !WITHOUT

export { SERVER_INTERFACE }

/**
 * A cable for the tests of a file, whose thread is on the server's side throughout. It has to be told where tests are described, and is
 * there when they run.
 */
export function cableForTests(options: { queues?: number } = {}): () => NetworkNamespaces {
  let cable: NetworkNamespaces | undefined
  beforeAll(() => {
    if (OBSTACLE !== undefined) {
      throw new Error(
        `AF_XDP is tested in network namespaces, which this machine has none of: ${OBSTACLE}. ` +
          'As root it would; CONTAINERDNS_WITHOUT_NAMESPACES=1 leaves these tests out.',
      )
    }
    cable = new NetworkNamespaces(options)
    cable.enter(cable.server)
  })
  afterAll(() => cable?.[Symbol.dispose]())
  return () => cable!
}
