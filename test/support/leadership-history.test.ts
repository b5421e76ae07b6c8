import { describe, expect, it } from 'vitest'
import { eventually } from './eventually.js'
import { LeadershipHistory } from './leadership-history.js'
import { Etcd } from './start-etcd.js'

const PREFIX = '/test/monitor/'

describe('LeadershipHistory', () => {
  it('tells of what was assigned in another term than the leader’s, and in none', async () => {
    await using etcd = await Etcd.start()
    await using history = new LeadershipHistory(etcd, PREFIX)
    await eventually(() => history.isFollowing)
    const assign = (term: number) => etcd.ctl('put', `${PREFIX}assignment`, JSON.stringify({ agents: [], term }))
    const lead = async () => {
      await etcd.ctl('put', `${PREFIX}leader`, '{}')
      return etcd.revision()
    }
    const first = await lead()
    await assign(first)
    await eventually(() => expect([...history.terms]).toEqual([first]))
    expect(history.violations).toEqual([])
    const second = await lead()
    await assign(second)
    await assign(first)
    await eventually(() => expect(history.violations).toHaveLength(1))
    await etcd.ctl('del', `${PREFIX}leader`)
    await assign(second)
    await eventually(() => expect(history.violations).toHaveLength(2))
  })
})
