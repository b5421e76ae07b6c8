/** What a process says that has imported the library, started a server and closed it. */
export interface LifeMessage {
  readonly type: 'lived'
  readonly importMs: number
  readonly startMs: number
  readonly closeMs: number
}
