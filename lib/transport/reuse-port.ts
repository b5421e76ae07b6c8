/** Whether sockets of Node's can share a port between threads here: `reusePort` of `dgram.createSocket`. */
export function canReusePort(
  nodeVersion: string = process.versions.node,
  platform: string = process.platform,
): boolean {
  const [major = 0, minor = 0] = nodeVersion.split('.').map(Number)
  const isKnownToNode = (major === 22 && minor >= 12) || (major === 23 && minor >= 1) || major >= 24
  return isKnownToNode && PLATFORMS.includes(platform)
}

/** Those where libuv's UV_UDP_REUSEPORT spreads datagrams over the sockets; elsewhere a bind with it fails. */
const PLATFORMS = ['linux', 'freebsd', 'sunos', 'aix']
