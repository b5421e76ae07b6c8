import { type EtcdClient, RESOURCE_EXHAUSTED } from '../client.js'
import type { RangeResponse } from '../messages.js'

export interface PageRange {
  readonly rangeStart: Buffer
  readonly rangeEnd: Buffer
  readonly pageSize: number
  readonly revision: number
}

/** All keys of a range at one revision, in pages. The next one is on its way while one is being worked on. */
export async function* pages(client: EtcdClient, range: PageRange): AsyncGenerator<RangeResponse> {
  const { rangeStart, rangeEnd, revision } = range
  let limit = range.pageSize
  const fetch = async (key: Buffer): Promise<RangeResponse> => {
    for (;;) {
      try {
        return await client.range({ key, range_end: rangeEnd, limit, revision })
      } catch (error) {
        // Larger than the largest message: a page of long values.
        if ((error as { code?: unknown }).code !== RESOURCE_EXHAUSTED || limit === 1) throw error
        limit = Math.ceil(limit / 2)
      }
    }
  }
  let next: Promise<RangeResponse> | undefined = fetch(rangeStart)
  while (next !== undefined) {
    const page: RangeResponse = await next
    const last = page.kvs.at(-1)
    next = page.more && last !== undefined ? fetch(successor(last.key)) : undefined
    // It is awaited in the next round, or never when this one fails.
    next?.catch(() => {})
    yield page
  }
}

/** The first key that can follow. */
function successor(key: Buffer): Buffer {
  return Buffer.concat([key, Buffer.alloc(1)])
}
