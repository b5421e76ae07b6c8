import { setTimeout as delay } from 'node:timers/promises'
import { type ContainerDns, createContainerDns, etcdStore } from 'containerdns'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ApiUnderTest, TOKENS, token } from '../api/running-api.js'
import { BrowserUnderTest, type WatchedPage } from '../support/browser.js'
import { eventually } from '../support/eventually.js'
import { Etcd } from '../support/start-etcd.js'
import { UdpClient } from '../support/udp-client.js'

// Real Chromium, a real server and real sockets. A busy machine takes seconds to draw a page.
const PATIENCE_MS = 60_000

const PHONE = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true }

let browser: BrowserUnderTest
let under: ApiUnderTest
beforeAll(async () => {
  browser = await BrowserUnderTest.start()
  const tokens = [...TOKENS, token('watcher', { verbs: ['stats'] })]
  under = await ApiUnderTest.start({ workers: 2 }, { tokens })
}, PATIENCE_MS)
afterAll(async () => {
  await browser?.[Symbol.asyncDispose]()
  await under?.[Symbol.asyncDispose]()
})
beforeEach(async () => {
  for await (const { name, view } of under.dns.records.list()) {
    await under.dns.records.delete(name, undefined, view === undefined ? {} : { view })
  }
})

async function open(section = '', options = {}): Promise<WatchedPage> {
  const watched = await browser.open(options)
  watched.page.setDefaultTimeout(PATIENCE_MS)
  await watched.page.goto(`${under.api.url}/ui/${section}`)
  return watched
}

async function signIn({ page }: WatchedPage, as = 'root'): Promise<void> {
  await page.getByLabel('Token').fill(`${as}-secret`)
  await page.keyboard.press('Enter')
  await page.getByRole('navigation').waitFor()
}

/** The first look, with no token, is answered with 401, and Chromium says so itself. */
function unexpected({ complaints }: WatchedPage): string[] {
  return complaints.filter((each) => !/status of 401 \(Unauthorized\)/.test(each))
}

async function numberIn(page: Page, tile: string): Promise<number> {
  const text = await page.locator('.tiles > div', { hasText: tile }).locator('dd').textContent()
  return Number(text?.replaceAll(',', ''))
}

async function answersOf(dns: ContainerDns, name: string, type = 'A'): Promise<unknown[]> {
  await using client = await UdpClient.open(dns.addresses[0]!)
  return ((await client.ask(name, type)).answers ?? []).map((each) => (each as { data: unknown }).data)
}

describe('the page', { timeout: 2 * PATIENCE_MS }, () => {
  it('refuses a wrong token, keeps a right one for its tab only, and forgets it on leaving', async () => {
    await using watched = await open()
    const { page } = watched
    await page.getByLabel('Token').fill('wrong')
    await page.getByRole('button', { name: 'Sign in' }).click()
    expect(await page.getByRole('alert').textContent()).toContain('nobody’s')
    await signIn(watched)
    await page.reload()
    await page.getByRole('navigation').waitFor()
    const kept = 'JSON.stringify([localStorage.length, document.cookie, Object.values(sessionStorage)])'
    expect(JSON.parse(await page.evaluate(kept))).toEqual([0, '', ['root-secret']])
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByLabel('Token').waitFor()
    expect(JSON.parse(await page.evaluate(kept))).toEqual([0, '', []])
    expect(unexpected(watched)).toEqual([])
  })

  it('shows figures that move while queries are asked, and asks nobody but its server', async () => {
    await using watched = await open()
    const { page } = watched
    await signIn(watched)
    await page
      .getByRole('img', { name: /^Queries a second/ })
      .locator('canvas')
      .waitFor()
    await page
      .getByRole('img', { name: /^Latency/ })
      .locator('canvas')
      .waitFor()
    await using client = await UdpClient.open(under.dns.addresses[0]!)
    await eventually(async () => {
      for (let i = 0; i < 20; i++) await client.ask('asked.example')
      expect(await numberIn(page, 'Queries/s')).toBeGreaterThan(0)
      const drawn = page.getByRole('img', { name: /^Queries a second.* now [1-9]/ })
      expect(await drawn.count()).toBe(1)
    }, PATIENCE_MS)
    const workers = page.getByRole('table').filter({ hasText: 'Worker' })
    expect(await workers.getByRole('rowheader').allInnerTexts()).toEqual(['dns 0', 'dns 1', 'stream 2'])
    await page.getByRole('row', { name: /^NXDOMAIN/ }).waitFor()
    await page.getByRole('row', { name: /asked\.example/ }).waitFor()
    await eventually(async () => (await numberIn(page, 'Queries/s')) === 0, PATIENCE_MS)
    expect([...watched.origins]).toEqual([under.api.url])
    expect(unexpected(watched)).toEqual([])
  })

  it('has the focus where keys belong as soon as the field for the token, or a dialog, is there', async () => {
    await under.dns.records.put({ name: 'www.example', type: 'A', data: ['192.0.2.1'], owner: 'alice' })
    await using watched = await browser.open()
    const { page } = watched
    page.setDefaultTimeout(PATIENCE_MS)
    await page.addInitScript(FOCUS_AT_FIRST)
    await page.goto(`${under.api.url}/ui/#records`)
    await signIn(watched, 'alice')
    await page.getByRole('button', { name: 'Edit www.example A' }).click()
    await page.getByRole('dialog').getByText('alice').waitFor()
    expect(await page.evaluate('window.focusAtFirst')).toEqual({ token: true, dialog: true })
  })

  it('finds a record and changes it, which DNS then answers, with the keyboard alone', async () => {
    await under.dns.records.put([
      { name: 'www.example', type: 'A', ttl: 60, data: ['192.0.2.1'], owner: 'alice' },
      { name: 'other.example', type: 'A', data: ['192.0.2.2'], owner: 'alice' },
    ])
    await using watched = await open('#records')
    const { page } = watched
    await page.getByLabel('Token').waitFor()
    await page.keyboard.type('alice-secret')
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'Edit other.example A' }).waitFor()
    await tabTo(page, 'Part of the name')
    await page.keyboard.type('WWW')
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'Edit other.example A' }).waitFor({ state: 'detached' })
    await tabTo(page, 'Edit www.example A')
    await page.keyboard.press('Enter')
    const dialog = page.getByRole('dialog', { name: 'www.example A' })
    await dialog.getByText('alice').waitFor()
    await tabTo(page, 'Data, a line each')
    await page.keyboard.press('Control+End')
    await page.keyboard.type('\n192.0.2.7')
    await tabTo(page, 'Save')
    await page.keyboard.press('Enter')
    await dialog.waitFor({ state: 'detached' })
    expect((await answersOf(under.dns, 'www.example')).sort()).toEqual(['192.0.2.1', '192.0.2.7'])
    const [rrset] = await under.dns.records.get('www.example')
    expect(rrset).toMatchObject({ ttl: 60, owner: 'alice' })
    expect(await nameOfFocus(page)).toBe('Edit www.example A')
    // Escape leaves everything as it is.
    await page.keyboard.press('Enter')
    await dialog.waitFor()
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    expect(unexpected(watched)).toEqual([])
  })

  it('creates and removes records, and says what is wrong with one', async () => {
    await using watched = await open('#records')
    const { page } = watched
    await signIn(watched)
    await page.getByText('There are no such records.').waitFor()
    await page.getByRole('button', { name: 'New record' }).click()
    await page.getByLabel('Name', { exact: true }).fill('mx.team.example')
    await page.getByLabel('Type').last().fill('mx')
    await page.getByLabel('Data, a line each').fill('{"preference":10')
    await page.getByRole('button', { name: 'Save' }).click()
    expect(await page.getByRole('dialog').getByRole('alert').textContent()).toContain('line 1')
    await page.getByLabel('Data, a line each').fill('{"preference":10,"exchange":"mail.example"}')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('button', { name: 'Edit mx.team.example MX' }).click()
    expect(await answersOf(under.dns, 'mx.team.example', 'MX')).toEqual([{ preference: 10, exchange: 'mail.example' }])
    await page.getByRole('button', { name: 'Remove' }).click()
    await page.getByRole('button', { name: 'Really remove' }).click()
    await page.getByText('There are no such records.').waitFor()
    expect(await answersOf(under.dns, 'mx.team.example', 'MX')).toEqual([])
    expect(unexpected(watched)).toEqual([])
  })

  it('loses no change that somebody else has made meanwhile', async () => {
    await under.dns.records.put({ name: 'www.example', type: 'A', data: ['192.0.2.1'] })
    await using watched = await open('#records')
    const { page } = watched
    await signIn(watched)
    await page.getByRole('button', { name: 'Edit www.example A' }).click()
    await page.getByRole('dialog').getByText('nobody').waitFor()
    await under.dns.records.put({ name: 'www.example', type: 'A', data: ['192.0.2.55'] })
    await page.getByLabel('Data, a line each').fill('192.0.2.9')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('button', { name: 'Load what is there now' }).click()
    const field = page.getByLabel('Data, a line each')
    await eventually(async () => expect(await field.inputValue()).toBe('192.0.2.55'))
    expect(await answersOf(under.dns, 'www.example')).toEqual(['192.0.2.55'])
    await field.fill('192.0.2.9')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    expect(await answersOf(under.dns, 'www.example')).toEqual(['192.0.2.9'])
    // Chromium itself says that there was a 412.
    expect(unexpected(watched).filter((each) => !each.includes('412'))).toEqual([])
  })

  it('shows what names and texts hold as text, and nothing that they hide', async () => {
    const hostile = '<img/src=x\\ onerror=document.title=666>.example'
    await under.dns.records.put([
      { name: hostile, type: 'TXT', data: ['<script>document.title=666</script>', 'a\u202eb'], owner: '<b>bold' },
    ])
    await using watched = await open()
    const { page } = watched
    await signIn(watched)
    await using client = await UdpClient.open(under.dns.addresses[0]!)
    await eventually(async () => {
      await client.ask('<svg onload=alert(1)>.example', 'TXT')
      expect(await page.getByRole('cell', { name: '<svg' }).count()).toBe(1)
    }, PATIENCE_MS)
    await page.getByRole('link', { name: 'Records' }).click()
    await page.getByText('<script>document.title=666</script>').waitFor()
    await page.getByText('"a\\u202eb"').waitFor()
    await page.getByRole('button', { name: /^Edit <img/ }).click()
    await page.getByRole('dialog').getByText('<b>bold').waitFor()
    expect(
      await page.evaluate('document.querySelectorAll("main img, main script, main b, dialog b, main svg").length'),
    ).toBe(0)
    expect(await page.title()).toBe('Records · containerdns')
    expect(unexpected(watched)).toEqual([])
  })

  it('shows a token what it is for: records to read, or figures, and nothing to change', async () => {
    await under.dns.records.put({ name: 'www.example', type: 'A', data: ['192.0.2.1'], owner: 'alice' })
    await using watched = await open()
    const { page } = watched
    const sections = () => page.getByRole('navigation').getByRole('link').allInnerTexts()
    await signIn(watched, 'reader')
    expect(await sections()).toEqual(['Records', 'Backends'])
    await page.getByRole('button', { name: 'Show www.example A' }).click()
    await page.getByRole('dialog').getByText('Your token is for reading.').waitFor()
    expect(await page.getByRole('button', { name: /Save|Remove|New/ }).count()).toBe(0)
    await page.getByRole('button', { name: 'Close' }).click()
    await page.getByRole('link', { name: 'Backends' }).click()
    await page.getByText('Changes seen').waitFor()
    expect(await page.getByRole('button', { name: 'Set state' }).count()).toBe(0)
    await page.getByRole('button', { name: 'Sign out' }).click()
    await signIn(watched, 'watcher')
    expect(await sections()).toEqual(['Overview', 'Upstreams', 'Server'])
    await page.getByRole('button', { name: 'Sign out' }).click()
    await signIn(watched, 'nobody')
    await page.getByText('is for nothing that this page shows').waitFor()
    expect(unexpected(watched)).toEqual([])
  })

  it('shows backends as their health changes, and tells it', async () => {
    under.dns.health.set('192.0.2.80', 'healthy')
    await using watched = await open('#backends')
    const { page } = watched
    await signIn(watched)
    await page.getByRole('row', { name: '192.0.2.80 healthy' }).waitFor()
    await page.getByLabel('Address', { exact: true }).fill('192.0.2.80')
    await page.getByLabel('State').selectOption('unhealthy')
    await page.getByRole('button', { name: 'Set state' }).click()
    await page.getByRole('row', { name: '192.0.2.80 unhealthy' }).waitFor()
    await page.getByRole('listitem').filter({ hasText: '192.0.2.80 healthy → unhealthy' }).waitFor()
    expect(under.dns.health.status('192.0.2.80')).toBe('unhealthy')
    await page.getByRole('button', { name: 'History of 192.0.2.80' }).click()
    const history = page.getByRole('region', { name: 'History of 192.0.2.80' })
    await history.getByRole('listitem').filter({ hasText: 'healthy → unhealthy by a program' }).waitFor()
    await history.getByRole('listitem').filter({ hasText: 'unknown → healthy by a program' }).waitFor()
    under.dns.health.set('192.0.2.80', 'healthy')
    await history.getByRole('listitem').filter({ hasText: 'unhealthy → healthy by a program' }).waitFor()
    expect(await history.getByRole('listitem').first().textContent()).toContain('unhealthy → healthy')
    await history.getByRole('button', { name: 'Close' }).click()
    await history.waitFor({ state: 'detached' })
    under.dns.health.set('192.0.2.80', 'unknown')
    expect(unexpected(watched)).toEqual([])
  })

  it.each([
    ['light on a phone', { ...PHONE, colorScheme: 'light' as const }],
    ['dark on a phone', { ...PHONE, colorScheme: 'dark' as const }],
    ['dark on a desk', { colorScheme: 'dark' as const }],
  ])('fits and can be read, %s', async (_, options) => {
    const label = 'x'.repeat(60)
    await under.dns.records.put({ name: `${label}.${label}.${label}.example`, type: 'TXT', data: ['y'.repeat(255)] })
    await using watched = await open('', options)
    const { page } = watched
    await signIn(watched)
    for (const section of ['Overview', 'Records', 'Backends', 'Upstreams', 'Server']) {
      await page.getByRole('link', { name: section }).click()
      await page.getByRole('heading', { level: 1, name: section }).waitFor({ state: 'attached' })
      await page.locator('main .panel, main .empty').first().waitFor()
      expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), section).toBe(true)
      expect(await page.evaluate(LEAST_CONTRAST), section).toBeGreaterThanOrEqual(4.5)
      expect(await page.evaluate(NAMELESS), section).toEqual([])
    }
    expect(unexpected(watched)).toEqual([])
  })

  it('goes on by itself when the server is back', async () => {
    const first = await ApiUnderTest.start({ workers: 1 })
    const { port } = first.api
    await using watched = await browser.open()
    const { page } = watched
    page.setDefaultTimeout(PATIENCE_MS)
    await page.goto(`${first.api.url}/ui/#server`)
    await signIn(watched)
    await page.getByText('ready', { exact: true }).waitFor()
    // There is nothing behind a memory that it could be in touch with.
    await page.getByText('Lines not understood').waitFor()
    expect(await page.getByText('Revision', { exact: true }).count()).toBe(0)
    await first[Symbol.asyncDispose]()
    await page.getByText('the server does not answer').waitFor()
    await page.getByText('Record index').waitFor()
    await using _second = await ApiUnderTest.start({ workers: 1 }, { listen: { port } })
    await page.getByText('ready', { exact: true }).waitFor()
  })

  it('shows whether etcd is in reach', async () => {
    await using etcd = await Etcd.start()
    const dns = await createContainerDns({
      ...{ zones: ['example'], listen: { port: 0 }, workers: 1, store: etcdStore({ hosts: etcd.host }) },
    })
    const { startApi } = await import('containerdns/api')
    await using api = await startApi({ server: dns, listen: { port: 0 } })
    try {
      await using watched = await browser.open()
      const { page } = watched
      page.setDefaultTimeout(PATIENCE_MS)
      // Without tokens, nobody is asked for one.
      await page.goto(`${api.url}/ui/#server`)
      await page.getByRole('heading', { name: 'Store: etcd' }).waitFor()
      await page.getByText('connected', { exact: true }).waitFor()
      await page.getByText('Revision', { exact: true }).waitFor()
      await etcd.kill()
      await page.getByText('out of reach', { exact: true }).waitFor()
      expect(watched.complaints).toEqual([])
    } finally {
      await dns.close()
    }
  })
})

/** Tab until something has the focus that is called so. */
async function tabTo(page: Page, name: string): Promise<void> {
  for (let i = 0; i < 40; i++) {
    if ((await nameOfFocus(page)) === name) return
    await page.keyboard.press('Tab')
    await delay(0)
  }
  throw new Error(`no Tab leads to ${name}`)
}

function nameOfFocus(page: Page): Promise<string> {
  return page.evaluate(`(() => {
    const { ariaLabel, labels, textContent } = document.activeElement
    return ariaLabel ?? (labels?.length ? labels[0].firstChild.textContent : textContent).trim()
  })()`)
}

/** Whether what has just come into the page has the focus, or holds it, before anything else can happen. */
const FOCUS_AT_FIRST = `(() => {
  window.focusAtFirst = {}
  new MutationObserver(() => {
    for (const [name, place] of [['token', '#token'], ['dialog', 'dialog']]) {
      const element = document.querySelector(place)
      if (element !== null) window.focusAtFirst[name] ??= element.contains(document.activeElement)
    }
  }).observe(document, { childList: true, subtree: true })
})()`

/** Of all text that is seen, the least contrast with what is behind it, as WCAG 2 has it. */
const LEAST_CONTRAST = `(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true })
  const light = (colour) => {
    canvas.fillStyle = colour
    canvas.fillRect(0, 0, 1, 1)
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((value) => {
      const part = value / 255
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const behind = (element) => {
    const colour = getComputedStyle(element).backgroundColor
    return colour === 'rgba(0, 0, 0, 0)' && element.parentElement ? behind(element.parentElement) : colour
  }
  let least = 21
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement
    if (texts.currentNode.data.trim() === '' || !element.checkVisibility()) continue
    const [a, b] = [light(getComputedStyle(element).color), light(behind(element))].sort((x, y) => y - x)
    least = Math.min(least, (a + 0.05) / (b + 0.05))
  }
  return least
})()`

/** What can be used and has no name. */
const NAMELESS = `[...document.querySelectorAll('a, button, input, select, textarea, [role=img], nav')]
  .filter((each) => !(each.ariaLabel ?? each.textContent).trim() && !each.labels?.length)
  .map((each) => each.outerHTML)`
