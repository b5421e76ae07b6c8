import { monitorEventLoopDelay } from 'node:perf_hooks'
import { type ScannerOptions, startScanner } from 'containerdns/health'
import type { ScannerHostMessage } from './scanner-host-message.js'

/** A host that embeds a scanner, and says each second how the two are. */

const SAY_MS = 1_000
const NS_PER_MS = 1e6

const scanner = await startScanner(JSON.parse(process.argv[2]!) as ScannerOptions)
const delay = monitorEventLoopDelay({ resolution: 1 })
delay.enable()
setInterval(() => {
  const message: ScannerHostMessage = {
    type: 'second',
    ...scanner.status(),
    delayP99Ms: delay.percentile(99) / NS_PER_MS,
    delayMaxMs: delay.max / NS_PER_MS,
  }
  delay.reset()
  process.send?.(message)
}, SAY_MS)
process.once('disconnect', () => void scanner.close().then(() => process.exit(0)))
