import type { RecordIndexWriter } from '../record-index/record-index-writer.js'
import type { WireRRset } from '../records/wire-rrset.js'
import { bucketOf } from '../shared-table/layout.js'
import { hashName } from '../wire/name.js'

/**
 * Somebody who keeps count of what all names have. Between `startScan` and `endScan` each name is added once, and from then on each
 * write takes out what the name had and adds what it has. Names are folded, in wire form; name and RRsets last for the call.
 */
export interface OwnerFollower {
  startScan(): void
  add(name: Uint8Array, rrsets: readonly WireRRset[]): void
  remove(name: Uint8Array, rrsets: readonly WireRRset[]): void
  endScan(): void
}

/** Goes through every bucket of the index there was, in slices. */
export type BucketWalk = (bucketCount: number, visit: (bucket: number, bucketCount: number) => void) => Promise<void>

/**
 * Brings a follower up to date, while names go on being written: those that the scan has passed are followed, the others it will come to.
 *
 * Which is which tells the bucket of a name: buckets are passed in their order, and the bucket that a name had when the scan began can
 * be worked out from its hash however the index grows meanwhile.
 */
export class OwnerScan {
  readonly #index: RecordIndexWriter
  readonly #follower: OwnerFollower
  readonly #forEachBucket: BucketWalk
  /** Of the scan under way or the last one. None before it are followed. */
  #bucketCount = 1
  #passed = 0
  /** Of the bucket that is being visited, the names that have been added. */
  readonly #visited = new Set<string>()
  #scans = 0

  constructor(index: RecordIndexWriter, follower: OwnerFollower, forEachBucket: BucketWalk) {
    this.#index = index
    this.#follower = follower
    this.#forEachBucket = forEachBucket
  }

  /** Whether there has been a scan yet. */
  get hasBegun(): boolean {
    return this.#scans > 0
  }

  /** Begins anew; a scan that is under way goes no further. */
  async run(): Promise<void> {
    const scan = ++this.#scans
    this.#bucketCount = this.#index.bucketCount
    this.#passed = 0
    this.#follower.startScan()
    await this.#forEachBucket(this.#bucketCount, (bucket, bucketCount) => {
      if (scan === this.#scans) this.#visit(bucket, bucketCount)
    })
    if (scan === this.#scans && this.#passed === this.#bucketCount) this.#follower.endScan()
  }

  /** The follower is told of nothing any more. */
  stop(): void {
    this.#scans++
    this.#passed = 0
    this.#visited.clear()
  }

  isFollowed(name: Uint8Array): boolean {
    const hash = hashName(name, 0, name.length, this.#index.reader.seed)
    const bucket = bucketOf(hash, this.#bucketCount)
    if (bucket !== this.#passed) return bucket < this.#passed
    return this.#visited.has(keyOf(name))
  }

  /** Writes a name, and tells the follower of it if it knows the name. */
  around(name: Uint8Array, write: () => boolean): boolean {
    if (!this.isFollowed(name)) return write()
    const owner = name.slice()
    this.#follower.remove(owner, this.#index.read(owner))
    try {
      return write()
    } finally {
      // What it has now, whatever became of the write.
      this.#follower.add(owner, this.#index.read(owner))
    }
  }

  #visit(bucket: number, bucketCount: number): void {
    this.#index.visitBucket(bucket, bucketCount, (name, rrsets) => {
      // First, because a name may have records that lead to itself.
      this.#visited.add(keyOf(name))
      this.#follower.add(name, rrsets)
    })
    this.#passed = bucket + 1
    this.#visited.clear()
  }
}

function keyOf(name: Uint8Array): string {
  return Buffer.from(name.buffer, name.byteOffset, name.length).toString('latin1')
}
