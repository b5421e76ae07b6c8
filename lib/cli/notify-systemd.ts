import { execFile } from 'node:child_process'
import type { Logger } from 'pino'

/** Tells systemd that we answer, where it waits for that: `Type=notify` with `NotifyAccess=all`, as a program of its own says it. */
export function notifySystemd(logger: Logger): void {
  if (process.env['NOTIFY_SOCKET'] === undefined) return
  execFile('systemd-notify', ['--ready', `--pid=${process.pid}`], (error) => {
    if (error !== null) logger.warn({ err: error }, 'systemd could not be told that we answer')
  })
}
