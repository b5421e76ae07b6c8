import { describe, expect, it } from 'vitest'
import { othersBeside } from '../../lib/transport/listener-group.js'

// Rows of /proc/net/tcp: 127.0.0.1:5300 twice and a connection there, 0.0.0.0:5300, 127.0.0.1:5301.
const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:14B4 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1001 1 0 100 0 0 10 0
   1: 0100007F:14B4 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1002 1 0 100 0 0 10 0
   2: 0100007F:14B4 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 1003 1 0 20 4 30 10 -1
   3: 00000000:14B4 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1004 1 0 100 0 0 10 0
   4: 0100007F:14B5 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1005 1 0 100 0 0 10 0
`

describe('the listeners beside one', () => {
  it('are those on the same address and port, and no connections', () => {
    expect(othersBeside(1001, TABLE)).toEqual([1002])
    expect(othersBeside(1002, TABLE)).toEqual([1001])
    expect(othersBeside(1004, TABLE)).toEqual([])
  })

  it('are none for a socket that does not listen, or where there is no table', () => {
    expect(othersBeside(1003, TABLE)).toEqual([])
    expect(othersBeside(9999, TABLE)).toEqual([])
    expect(othersBeside(1001, '')).toEqual([])
  })
})
