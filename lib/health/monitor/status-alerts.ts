import { randomUUID } from 'node:crypto'
import type { Clock } from '../../clock.js'
import type { Logger } from '../../log.js'
import type { Compare } from '../../store/etcd/messages.js'
import { Alerts, type AlertsStatus } from '../alerts/alerts.js'
import type { ParsedAlerts } from '../alerts/options.js'
import { nextStep, type Step, sweepMs, type Told } from '../alerts/silence.js'
import { inSlices } from '../slices.js'
import type { MonitorKeys } from './monitor-keys.js'
import type { MonitorSession } from './monitor-session.js'
import { parseStatus } from './status-value.js'
import { Verdicts } from './verdicts.js'
import { WriteLanes } from './write-lanes.js'

export interface StatusAlertsOptions {
  readonly alerts: ParsedAlerts
  readonly session: Pick<MonitorSession, 'transact'>
  readonly keys: MonitorKeys
  readonly logger: Logger
  readonly clock: Clock
  /** That we lead; undefined while another does, or nobody, or not everything has been read. */
  readonly conditions: () => readonly Compare[] | undefined
}

/** A note in etcd that somebody has been told of an address. */
interface Note extends Told {
  readonly revision: number
  /** Of the scheduler's making that has told. */
  readonly id: unknown
}

/** What is told as soon as it has been noted. */
interface Claim {
  readonly id: string
  readonly tell: () => void
}

/**
 * Alerts of what the status keys say, whoever has written them. All schedulers follow; the leader tells. Before it does, it notes so in etcd, on
 * the condition that it leads and nobody else has noted anything meanwhile: one change is told once, also when another scheduler
 * takes over, and the silent time outlives each of them. One who dies between the note and the mail leaves the address untold until the silent time is over.
 */
export class StatusAlerts {
  readonly #options: StatusAlertsOptions
  readonly #alerts: Alerts
  readonly #lanes: WriteLanes<Step>
  readonly #down = new Set<string>()
  readonly #notes = new Map<string, Note>()
  /** By address: notes that are on their way, and of which an answer may be lost; the watch brings them then. */
  readonly #claims = new Map<string, Claim>()
  readonly #verdicts = new Verdicts()
  readonly #timer: NodeJS.Timeout
  /** How often it was begun to look at all. */
  #looks = 0
  #isClosed = false

  constructor(options: StatusAlertsOptions) {
    this.#options = options
    this.#alerts = new Alerts(options.alerts, options.logger)
    this.#lanes = new WriteLanes({ logger: options.logger, attempt: (address) => this.#attempt(address) })
    this.#timer = setInterval(() => this.lookAtAll(), sweepMs(options.alerts.silentMs)).unref()
  }

  get status(): AlertsStatus {
    return this.#alerts.status
  }

  /** Everything is about to be told anew. */
  clear(): void {
    this.#down.clear()
    this.#notes.clear()
    this.#verdicts.clear()
  }

  onKey(key: string, value: Buffer | undefined, revision: number): void {
    const { keys } = this.#options
    const address = keys.addressOf(key)
    const noted = keys.alertOf(key)
    const verdict = keys.verdictOf(key)
    if (verdict !== undefined) this.#verdicts.saw(verdict.address, verdict.agent, value, revision)
    if (address !== undefined) {
      if (value !== undefined && parseStatus(value)?.['status'] === 'DOWN') this.#down.add(address)
      else this.#down.delete(address)
      this.#look(address)
    } else if (noted !== undefined) {
      const note = value && this.#noteIn(noted, value, revision)
      if (note === undefined) this.#notes.delete(noted)
      else this.#notes.set(noted, note)
      if (note !== undefined) this.#settle(noted, note.id)
      this.#look(noted)
    }
  }

  /** For a leader that has just begun, and now and then: the silent time of some may be over. */
  lookAtAll(): void {
    if (this.#options.conditions() === undefined) return
    const look = ++this.#looks
    const isOver = () => this.#isClosed || look !== this.#looks
    void inSlices(this.#down, (address) => this.#look(address), isOver).then(() =>
      inSlices(this.#notes.keys(), (address) => this.#look(address), isOver),
    )
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#timer)
    this.#lanes.close()
    await this.#alerts.close()
  }

  #look(address: string): void {
    if (this.#options.conditions() === undefined) return
    const step = this.#stepOf(address)
    if (step.kind === 'tell' || step.kind === 'forget') this.#lanes.write(address, step)
    else this.#lanes.drop(address)
  }

  #stepOf(address: string): Step {
    const { alerts, clock } = this.#options
    return nextStep(this.#down.has(address), this.#notes.get(address), clock.wallMs(), alerts.silentMs)
  }

  /** Notes what is to be told, and tells it. Whether nothing is left to do. */
  async #attempt(address: string): Promise<boolean> {
    const { session, keys, conditions, clock } = this.#options
    const isLeader = conditions()
    const step = this.#stepOf(address)
    if (isLeader === undefined || step.kind === 'none' || step.kind === 'wait') return true
    const key = Buffer.from(keys.alert(address))
    const noted = this.#notes.get(address)?.revision ?? 0
    const isOurs: Compare[] = [...isLeader, { key, target: 'Mod', result: 'Equal', mod_revision: noted }]
    if (step.kind === 'forget') {
      const revision = await session.transact(isOurs, [{ request_delete_range: { key } }])
      if (revision !== undefined) this.#notes.delete(address)
      return revision !== undefined
    }
    const { id } = this.#claim(address, step.isRepeated, clock.wallMs())
    const revision = await session.transact(isOurs, [{ request_put: { key, value: noteText(step.told, id) } }])
    if (revision === undefined) return false
    this.#notes.set(address, { ...step.told, revision, id })
    this.#settle(address, id)
    return true
  }

  /** Whoever has noted it may have another clock: a note is at most as young as it was when we first saw it, or nobody would hear of the address until we catch up. */
  #noteIn(address: string, value: Buffer, revision: number): Note | undefined {
    const fields = parseStatus(value)
    const at = Date.parse(String(fields?.['at']))
    if (fields === undefined || Number.isNaN(at)) return undefined
    const before = this.#notes.get(address)
    const seenAt = before?.revision === revision ? before.at : this.#options.clock.wallMs()
    return { isDown: fields['status'] === 'DOWN', at: Math.min(at, seenAt), revision, id: fields['id'] }
  }

  /** By the same id as long as it is not known what has become of it. */
  #claim(address: string, isRepeated: boolean, at: number): Claim {
    const isDown = this.#down.has(address)
    const id = this.#claims.get(address)?.id ?? randomUUID()
    const claim = { id, tell: () => this.#tell(address, isDown, isRepeated, at) }
    this.#claims.set(address, claim)
    return claim
  }

  #settle(address: string, id: unknown): void {
    const claim = this.#claims.get(address)
    if (claim?.id !== id) return
    this.#claims.delete(address)
    claim?.tell()
  }

  #tell(address: string, isDown: boolean, isRepeated: boolean, at: number): void {
    const { recoveries } = this.#options.alerts
    if (!isDown && !recoveries) return
    const reason = isDown ? this.#verdicts.reasons(address) : ''
    const state = isDown ? 'unhealthy' : 'healthy'
    this.#alerts.add({ address, state, at, ...(reason === '' ? {} : { reason }), isRepeated })
  }
}

function noteText({ isDown, at }: Told, id: string): Buffer {
  return Buffer.from(JSON.stringify({ status: isDown ? 'DOWN' : 'UP', at: new Date(at).toISOString(), id }))
}
