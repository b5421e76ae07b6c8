import { describe, expect, it } from 'vitest'
import { EtcdHistory } from './etcd-history.js'

describe('the history of etcd', () => {
  it('tells how long ago a value was there last', () => {
    const history = new EtcdHistory(1)
    history.settle(0, history.begin(0, 'a', 0), 1)
    const put = history.begin(0, 'b', 100)
    expect([history.ageMs(0, 'a', 150), history.ageMs(0, 'b', 150)]).toEqual([0, 0])
    history.settle(0, put, 200)
    expect([history.ageMs(0, 'a', 250), history.ageMs(0, 'b', 250)]).toEqual([50, 0])
    expect(history.ageMs(0, 'c', 250)).toBe(undefined)
  })

  it('takes a put of which nobody knows how it ended for possible until the next one', () => {
    const history = new EtcdHistory(1)
    history.settle(0, history.begin(0, 'a', 0), 1)
    history.begin(0, 'b', 100)
    expect([history.ageMs(0, 'a', 500), history.ageMs(0, 'b', 500)]).toEqual([0, 0])
    history.settle(0, history.begin(0, 'c', 600), 700)
    expect([history.ageMs(0, 'a', 710), history.ageMs(0, 'b', 710), history.last(0)]).toEqual([10, 10, 'c'])
  })
})
