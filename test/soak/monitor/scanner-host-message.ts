/** What a host of a scanner says each second. */
export interface ScannerHostMessage {
  readonly type: 'second'
  readonly targets: number
  readonly probes: number
  readonly failed: number
  readonly late: number
  /** Of its event loop, in this second. */
  readonly delayP99Ms: number
  readonly delayMaxMs: number
}
