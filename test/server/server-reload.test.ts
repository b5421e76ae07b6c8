import { describe, expect, it } from 'vitest'
import { parseOptions } from '../../lib/options.js'
import type { Publisher } from '../../lib/publish/publisher.js'
import { optionsInUse } from '../../lib/reloaded-options.js'
import { RecordsReload } from '../../lib/server/records-reload.js'
import { type ReloadablePart, ServerReload } from '../../lib/server/server-reload.js'
import { ServerZones } from '../../lib/server/server-zones.js'
import { nameFromText } from '../../lib/wire/name.js'
import { eventually } from '../support/eventually.js'

/** Says what it does, as it does it; `onPrepare` may fail. */
function part(name: string, steps: string[], onPrepare: () => void | Promise<void> = () => {}): ReloadablePart {
  return {
    async prepare({ before, next }) {
      steps.push(`${name} prepares ${before.negativeTtl} to ${next.negativeTtl}`)
      await onPrepare()
      return () => void steps.push(`${name} applies ${next.negativeTtl}`)
    },
  }
}

function reloadOf(parts: readonly ReloadablePart[], isClosed = () => false): ServerReload {
  const given = { negativeTtl: 5 }
  return new ServerReload({ inUse: optionsInUse(given, parseOptions(given)), parts, isClosed })
}

describe('a reload', () => {
  it('has every part get ready before the first makes its change, in their order', async () => {
    const steps: string[] = []
    const reload = reloadOf([part('a', steps), part('b', steps)])
    await reload.reload({ negativeTtl: 6 }, {})
    expect(steps).toEqual(['a prepares 5 to 6', 'b prepares 5 to 6', 'a applies 6', 'b applies 6'])
    expect(reload.options.negativeTtl).toBe(6)
  })

  it('changes nothing where a part cannot get ready, and the next one begins where it began', async () => {
    const steps: string[] = []
    let isBroken = true
    const broken = part('b', steps, () => {
      if (isBroken) throw new Error('broken')
    })
    const reload = reloadOf([part('a', steps), broken])
    await expect(reload.reload({ negativeTtl: 6 }, {})).rejects.toThrow('broken')
    expect(reload.options.negativeTtl).toBe(5)
    isBroken = false
    await reload.reload({ negativeTtl: 7 }, {})
    expect(steps).toEqual([
      'a prepares 5 to 6',
      'b prepares 5 to 6',
      'a prepares 5 to 7',
      'b prepares 5 to 7',
      'a applies 7',
      'b applies 7',
    ])
  })

  it('checks records by the zones and the TTL of before where a part after them fails', async () => {
    const given = { zones: ['example'], defaultTtl: 5 }
    const parsed = parseOptions(given)
    const zones = new ServerZones(parsed, 1)
    const publisher = { defaultTtl: 5 } as Publisher
    const fails: ReloadablePart = {
      prepare() {
        throw new Error('broken')
      },
    }
    const parts = [new RecordsReload({ zones, publisher }), fails]
    const reload = new ServerReload({ inUse: optionsInUse(given, parsed), parts, isClosed: () => false })
    const load = async () => expect([zones.placeOf(nameFromText('other')), publisher.defaultTtl]).toEqual(['apex', 6])
    await expect(reload.reload({ zones: ['other'], defaultTtl: 6 }, { load })).rejects.toThrow('broken')
    expect([zones.placeOf(nameFromText('other')), publisher.defaultTtl]).toEqual(['outside', 5])
  })

  it('waits for the one before', async () => {
    const steps: string[] = []
    let open = () => {}
    const gate = new Promise<void>((resolve) => {
      open = resolve
    })
    const reload = reloadOf([part('a', steps, () => gate)])
    const both = [reload.reload({ negativeTtl: 6 }, {}), reload.reload({ negativeTtl: 7 }, {})]
    open()
    await Promise.all(both)
    expect(steps).toEqual(['a prepares 5 to 6', 'a applies 6', 'a prepares 6 to 7', 'a applies 7'])
  })

  it('makes no change for a server that was closed meanwhile', async () => {
    const steps: string[] = []
    let isClosed = false
    const closes = part('a', steps, () => {
      isClosed = true
    })
    const reload = reloadOf([closes], () => isClosed)
    await expect(reload.reload({ negativeTtl: 6 }, {})).rejects.toMatchObject({ code: 'CDNS_CLOSED' })
    expect(steps).toEqual(['a prepares 5 to 6'])
  })

  it('waits for no part that does not get ready once the server is closed, and ends what others have', async () => {
    const steps: string[] = []
    let isClosed = false
    const opens: ReloadablePart = {
      prepare({ onFailure }) {
        onFailure(async () => void steps.push('a is undone'))
        return () => void steps.push('a applies')
      },
    }
    const reload = reloadOf([opens, part('b', steps, () => new Promise(() => {}))], () => isClosed)
    const both = [reload.reload({ negativeTtl: 6 }, {}), reload.reload({ negativeTtl: 7 }, {})]
    const outcomes = Promise.allSettled(both)
    await eventually(() => steps.length === 1)
    isClosed = true
    await reload.close()
    expect(steps).toEqual(['b prepares 5 to 6', 'a is undone'])
    const closed = { status: 'rejected', reason: expect.objectContaining({ code: 'CDNS_CLOSED' }) }
    expect(await outcomes).toEqual([closed, closed])
  })
})
