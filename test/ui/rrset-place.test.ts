import { describe, expect, it } from 'vitest'
import { mayEdit, pathOf } from '../../lib/ui/rrset-place.js'

describe('the place of an RRset', () => {
  it('is in the longest zone that its name is in', () => {
    const zones = ['example', 'team.example']
    expect(pathOf({ name: 'a.team.example', type: 'A' }, zones)).toBe('v1/zones/team.example/rrsets/a.team.example/A')
    expect(pathOf({ name: 'Team.Example.', type: 'A' }, zones)).toBe('v1/zones/team.example/rrsets/Team.Example./A')
    expect(pathOf({ name: 'ateam.example', type: 'A' }, zones)).toBe('v1/zones/example/rrsets/ateam.example/A')
    expect(pathOf({ name: 'www.other', type: 'A' }, zones)).toBeUndefined()
    expect(pathOf({ name: 'www.other', type: 'A' }, ['.'])).toBe('v1/zones/./rrsets/www.other/A')
  })

  it('takes a dot after a backslash for one of a label, and escapes what a URL has other meanings for', () => {
    expect(pathOf({ name: 'a\\.example', type: 'A' }, ['example'])).toBeUndefined()
    expect(pathOf({ name: 'a\\\\.example', type: 'A' }, ['example'])).toBe('v1/zones/example/rrsets/a%5C%5C.example/A')
    expect(pathOf({ name: '../?#.example', type: 'TXT', view: 'office' }, ['example'])).toBe(
      'v1/zones/example/rrsets/..%2F%3F%23.example/TXT?view=office',
    )
  })

  it('may be edited by its owner and by admins, and by nobody where Kubernetes says it', () => {
    const rrset = { name: 'a.example', type: 'A', data: ['192.0.2.1'] }
    const alice = { name: 'alice', admin: false, verbs: ['read', 'write'] }
    expect(mayEdit(alice, { ...rrset, owner: 'alice' })).toBe(true)
    expect(mayEdit(alice, { ...rrset, owner: 'bob' })).toBe(false)
    expect(mayEdit(alice, rrset)).toBe(false)
    expect(mayEdit({ ...alice, verbs: ['read'] }, { ...rrset, owner: 'alice' })).toBe(false)
    // Nobody, who may do everything where there are no tokens.
    expect(mayEdit({ admin: true, verbs: ['write'] }, rrset)).toBe(true)
    expect(mayEdit({ admin: true, verbs: ['write'] }, { ...rrset, owner: 'kubernetes' })).toBe(false)
  })
})
