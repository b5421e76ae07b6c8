import { describe, expect, it } from 'vitest'
import { parseOptions } from '../../../lib/options.js'
import { parseXdp, XDP_FRAMES } from '../../../lib/transport/xdp/options.js'

describe('the options of xdp', () => {
  it('need no more than an interface', () => {
    expect(parseXdp({ interfaces: ['eth0'] })).toEqual({
      ...{ interfaces: ['eth0'], queues: undefined, mode: 'auto', zeroCopy: undefined },
      ...{ frames: XDP_FRAMES.default, mayHaveFewerFrames: true },
    })
    expect(parseXdp(undefined)).toBeUndefined()
  })

  it('are what is given', () => {
    const given = { interfaces: ['eth0', 'eth1'], queues: [0, 2], mode: 'native', zeroCopy: true, frames: 512 } as const
    const { interfaces, queues, ...rest } = given
    expect(parseXdp({ ...rest, interfaces: [...interfaces], queues: [...queues] })).toEqual({
      ...given,
      mayHaveFewerFrames: false,
    })
  })

  it.each([
    ['CDNS_OPTION_INVALID', {}],
    ['CDNS_OPTION_INVALID', { interfaces: [] }],
    ['CDNS_OPTION_INVALID', { interfaces: 'eth0' }],
    ['CDNS_OPTION_INVALID', { interfaces: ['eth0', 'eth0'] }],
    ['CDNS_OPTION_INVALID', { interfaces: ['a name of sixteen'] }],
    ['CDNS_OPTION_INVALID', { interfaces: ['eth0'], queues: [] }],
    ['CDNS_OPTION_INVALID', { interfaces: ['eth0'], queues: [1, 1] }],
    ['CDNS_OPTION_INVALID', { interfaces: ['eth0'], queues: [-1] }],
    ['CDNS_OPTION_INVALID', { interfaces: ['eth0'], mode: 'fast' }],
    ['CDNS_OPTION_INVALID', { interfaces: ['eth0'], zeroCopy: 1 }],
    ['CDNS_OPTION_INVALID', { interfaces: ['eth0'], frames: 1000 }],
    ['CDNS_OPTION_INVALID', { interfaces: ['eth0'], frames: 128 }],
    ['CDNS_OPTION_UNKNOWN', { interfaces: ['eth0'], queue: [1] }],
  ])('are refused with %s: %j', (code, given) => {
    expect(() => parseXdp(given as never)).toThrow(expect.objectContaining({ code }))
  })

  it('have to be there for the transports that take them', () => {
    for (const transport of ['xdp', 'auto-xdp'] as const) {
      expect(() => parseOptions({ transport })).toThrow(expect.objectContaining({ code: 'CDNS_OPTION_INVALID' }))
      expect(parseOptions({ transport, xdp: { interfaces: ['eth0'] } }).transport).toBe(transport)
    }
  })
})
