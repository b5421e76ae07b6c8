import { DEFAULT_VIEW } from '../../records/view.js'
import { decodeRRset, RRsetEncoder } from '../../records/wire-rrset.js'
import type { RecordData } from '../../wire/rdata/record-data.js'
import type { RecordLabel } from '../record-store.js'
import type { LeafIndex } from './leaf-index.js'
import { LeafPacker } from './leaf-packer.js'

/** MX and TXT of a zone, where the layout of the origin has them: the folder, and the label. */
const CHOSEN = /^(?:mail|txt)\/([^/]+)$/

/** The labels below which single records of a name stand, where the origin's API lets people choose them. */
export function chosenLabels(index: LeafIndex, name: string): RecordLabel[] {
  const owner = new RRsetEncoder().name(name).slice()
  const packer = new LeafPacker([DEFAULT_VIEW])
  return index.leavesOf(owner).flatMap((leaf): RecordLabel[] => {
    const label = CHOSEN.exec(leaf.path)?.[1]
    const [packed] = label === undefined ? [] : packer.pack([leaf], 0)
    if (packed === undefined) return []
    const { type, data } = decodeRRset(owner, packed)
    return [{ type, label: label!, data: data[0] as RecordData }]
  })
}
