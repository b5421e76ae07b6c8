import type { Peer } from './peer.js'

/** The floor: our transport, in the same language, with no DNS behind it. */
export const echo: Peer = {
  name: 'echo (floor)',
  program: process.execPath,
  expects: 'echo',
  prepare: ({ port }) => [new URL('echo-server.js', import.meta.url).pathname, String(port)],
}
