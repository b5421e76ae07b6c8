import type { FastRandom } from '../../../lib/fast-random.js'
import { buildFrame, type FrameParts } from '../../transport/xdp/raw-frames.js'

/** The id of queries in frames that are not for the server, and that nothing may come back for. */
export const NOT_OURS = 0xdead

/** Frames of which half are as they should be, and the others wrong in one way or another. `parts` is a query for the server. */
export function fuzzedFrames(parts: FrameParts, count: number, random: FastRandom): Buffer[] {
  const good = buildFrame(parts)
  const notOurs = (changed: Partial<FrameParts>) => {
    const payload = Buffer.from(parts.payload)
    payload.writeUInt16BE(NOT_OURS)
    return buildFrame({ ...parts, ...changed, payload })
  }
  return Array.from({ length: count }, (_, i) => {
    if (i % 2 === 0) return good
    switch (random.below(8)) {
      case 0:
        return notOurs({ destinationMac: Uint8Array.of(2, random.below(256), 1, 2, 3, 4) })
      case 1:
        return notOurs({ destination: `203.0.113.${random.below(256)}` })
      case 2:
        return notOurs({ destinationPort: parts.destinationPort ^ (1 + random.below(1024)) })
      case 3:
        return buildFrame({ ...parts, checksum: 'bad', padding: random.below(30) })
      case 4:
        return good.subarray(0, 14 + random.below(good.length - 14))
      case 5:
        return buildFrame({ ...parts, vlans: Array.from({ length: random.below(4) }, () => random.below(4096)) })
      default:
        return changedSomewhere(good, random)
    }
  })
}

/** Behind its addresses, so that it is still for the server, or for nobody. */
function changedSomewhere(good: Buffer, random: FastRandom): Buffer {
  const changed = Buffer.from(good)
  for (let changes = 1 + random.below(3); changes > 0; changes--) {
    changed[12 + random.below(changed.length - 12)] = random.below(256)
  }
  return changed
}
