import { describe, expect, it } from 'vitest'
import { failureReason } from '../../../lib/store/etcd/failure-reason.js'

const NOTHING_MORE = '. Resolution note: '
const TLS = '804CF0ECAD7F0000:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../deps/x.c:350:\n'

describe('why etcd could not be asked', () => {
  it.each([
    [
      `14 UNAVAILABLE: No connection established. Last error: Error: connect ECONNREFUSED 127.0.0.1:1${NOTHING_MORE}`,
      'there is no connection: connect ECONNREFUSED 127.0.0.1:1',
    ],
    [
      `14 UNAVAILABLE: No connection established. Last error: Protocol error (2026-11-23T08:40:34.375Z)${NOTHING_MORE}`,
      'there is no connection: Protocol error',
    ],
    [
      `14 UNAVAILABLE: No connection established. Last error: Error: ${TLS}${NOTHING_MORE}`,
      'there is no connection: TLS failed, wrong version number',
    ],
    [
      '14 UNAVAILABLE: Name resolution failed for target dns:no.such.host:2379',
      'the name of no.such.host:2379 has no address',
    ],
    ['14 UNAVAILABLE: Connection dropped', 'Connection dropped'],
    ['14 UNAVAILABLE: ', 'unavailable'],
    ['14 UNAVAILABLE: etcdserver: no leader', 'etcd says: no leader'],
    ['4 DEADLINE_EXCEEDED: Deadline exceeded after 0.800s,Waiting for LB pick', 'it did not answer in time'],
    ['3 INVALID_ARGUMENT: etcdserver: user name is empty', 'etcd says: user name is empty'],
    ['etcd ended the watch', 'etcd ended the watch'],
  ])('is said of %j in words', (message, reason) => {
    expect(failureReason(new Error(message))).toBe(reason)
  })
})
