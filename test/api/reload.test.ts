import { ContainerDnsError, memoryStore } from 'containerdns'
import { type AuditEntry, type ReloadFunction, startApi } from 'containerdns/api'
import { describe, expect, it } from 'vitest'
import { codeOf } from '../contract/record-store.contract.js'
import { ApiClient, TOKENS } from './running-api.js'

async function started(reload?: ReloadFunction) {
  const audit: AuditEntry[] = []
  const api = await startApi({
    ...{ store: memoryStore(), zones: ['example'], tokens: TOKENS, listen: { port: 0 } },
    ...(reload === undefined ? {} : { reload }),
    onAudit: (entry) => audit.push(entry),
  })
  const client = await ApiClient.open(api.url)
  return { api, client, audit, [Symbol.asyncDispose]: () => api.close() }
}

describe('POST /v1/reload', () => {
  it('has the host read again what it runs by, and says what has changed', async () => {
    await using under = await started(async () => ({ changed: ['zones', 'acl'] }))
    expect(await under.client.ask('POST', '/v1/reload')).toMatchObject({
      status: 200,
      body: { changed: ['zones', 'acl'] },
    })
    expect(under.audit).toMatchObject([{ principal: 'root', action: 'reload', after: 'zones, acl' }])
  })

  it('is for admins alone', async () => {
    let reloads = 0
    await using under = await started(async () => ({ changed: [String(reloads++)] }))
    for (const [as, status] of [
      ['', 401],
      ['stranger', 401],
      ['reader', 403],
      ['alice', 403],
    ] as const) {
      expect((await under.client.ask('POST', '/v1/reload', undefined, { as })).status, as).toBe(status)
    }
    expect(reloads).toBe(0)
  })

  it('tells what the host has against it, with all its details', async () => {
    const details = { file: '/etc/dns.yaml', line: 3 }
    await using wrong = await started(async () => {
      throw Object.assign(new ContainerDnsError('CDNS_CONFIG_INVALID', '/etc/dns.yaml, line 3: no'), { details })
    })
    expect(await wrong.client.ask('POST', '/v1/reload')).toMatchObject({
      status: 422,
      body: { code: 'CDNS_CONFIG_INVALID', ...details },
    })
    expect(wrong.audit).toEqual([])
    await using fixed = await started(async () => {
      throw Object.assign(new ContainerDnsError('CDNS_RESTART_NEEDED', 'no'), {
        details: { needsRestart: ['workers'] },
      })
    })
    expect(await fixed.client.ask('POST', '/v1/reload')).toMatchObject({
      status: 409,
      body: { code: 'CDNS_RESTART_NEEDED', needsRestart: ['workers'] },
    })
    await using broken = await started(async () => {
      throw new Error('a secret of the host')
    })
    const answer = await broken.client.ask('POST', '/v1/reload')
    expect(answer).toMatchObject({ status: 500, body: { code: 'CDNS_API_FAILED' } })
    expect(answer.text).not.toContain('secret')
  })

  it('is not served where there is nothing to read again', async () => {
    await using under = await started()
    expect(await under.client.ask('POST', '/v1/reload')).toMatchObject({
      status: 501,
      body: { code: 'CDNS_NOT_SERVED_HERE' },
    })
    expect(await codeOf(startApi({ store: memoryStore(), reload: {} as never }))).toBe('CDNS_OPTION_INVALID')
  })
})
