import { describe, expect, it } from 'vitest'
import { type HealthChange, type HealthState, TableHealth } from '../../lib/health/health.js'
import { HealthTable } from '../../lib/health/health-table.js'
import { errorCode } from '../support/error-code.js'

function healthAndChanges() {
  const changes: HealthChange[] = []
  const table = new HealthTable({ readers: 0, seed: 1, onSegment: () => undefined })
  return { health: new TableHealth(table, (change) => void changes.push(change)), changes, table }
}

describe('Health', () => {
  it('says what was set, in whichever spelling of the address', () => {
    const { health } = healthAndChanges()
    expect(health.status('2001:db8::1')).toBe('unknown')
    health.set('2001:DB8:0:0::1', 'unhealthy')
    health.set('192.0.2.1', 'healthy')
    expect(health.status('2001:db8::1')).toBe('unhealthy')
    expect([...health.status()].sort((a, b) => a.address.localeCompare(b.address))).toEqual([
      { address: '192.0.2.1', state: 'healthy' },
      { address: '2001:db8::1', state: 'unhealthy' },
    ])
  })

  it('tells of each change once, and of nothing that stays as it is', () => {
    const { health, changes } = healthAndChanges()
    health.set('192.0.2.1', 'unknown')
    health.set('192.0.2.1', 'unhealthy')
    health.set('192.0.2.1', 'unhealthy')
    health.set('192.0.2.1', 'unknown')
    expect(changes).toEqual([
      { address: '192.0.2.1', state: 'unhealthy', previous: 'unknown', source: 'program' },
      { address: '192.0.2.1', state: 'unknown', previous: 'unhealthy', source: 'program' },
    ])
  })

  it('refuses what is no address, and no state, and changes nothing', () => {
    const { health, table, changes } = healthAndChanges()
    for (const address of ['', 'a.example.', '192.0.2', 'fe80::1%eth0', undefined, 5]) {
      expect(
        errorCode(() => health.set(address as string, 'unhealthy')),
        String(address),
      ).toBe('CDNS_ADDRESS_INVALID')
    }
    for (const address of ['', '192.0.2.256', null, 7]) {
      expect(
        errorCode(() => health.status(address as string)),
        String(address),
      ).toBe('CDNS_ADDRESS_INVALID')
    }
    for (const state of ['', 'dead', 'Healthy', undefined, null, 1]) {
      expect(
        errorCode(() => health.set('192.0.2.1', state as HealthState)),
        String(state),
      ).toBe('CDNS_HEALTH_INVALID')
    }
    expect([table.size.addresses, changes.length]).toEqual([0, 0])
  })
})
