import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

/** Debian's; `CHROMIUM` names another. */
const EXECUTABLE = process.env['CHROMIUM'] ?? '/usr/bin/chromium'

/** One Chromium, as many windows as a test wants. */
export class BrowserUnderTest implements AsyncDisposable {
  readonly #browser: Browser

  private constructor(browser: Browser) {
    this.#browser = browser
  }

  static async start(): Promise<BrowserUnderTest> {
    // Its own sandbox does not start as root in a container.
    const args = process.getuid?.() === 0 ? ['--no-sandbox'] : []
    // What a fresh profile wants to fetch is switched off by playwright; nothing but loopback is reached in a test anyway.
    return new BrowserUnderTest(await chromium.launch({ executablePath: EXECUTABLE, args, timeout: 60_000 }))
  }

  /** A window with a profile of its own. */
  async open(options: BrowserContextOptions = {}): Promise<WatchedPage> {
    const context = await this.#browser.newContext(options)
    return new WatchedPage(context, await context.newPage())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#browser.close()
  }
}

/** A page, what it complained of, and where it sent requests. */
export class WatchedPage implements AsyncDisposable {
  readonly page: Page
  /** Errors and warnings of the console, what was thrown, and what the policy of the page forbade. */
  readonly complaints: string[] = []
  readonly origins = new Set<string>()
  readonly #context: BrowserContext

  constructor(context: BrowserContext, page: Page) {
    this.#context = context
    this.page = page
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') this.complaints.push(message.text())
    })
    page.on('pageerror', (error) => this.complaints.push(String(error)))
    page.on('request', (request) => this.origins.add(new URL(request.url()).origin))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#context.close()
  }
}
