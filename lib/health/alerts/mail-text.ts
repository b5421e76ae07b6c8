import type { Alert } from './alert.js'

/** The subject and text of a mail. Of one address that is down, the subject is ContainerDNS's. */
export function mailText(name: string, alerts: readonly Alert[]): { readonly subject: string; readonly text: string } {
  const downs = alerts.filter(({ state }) => state === 'unhealthy')
  const ups = alerts.filter(({ state }) => state === 'healthy')
  const said = [summary(downs, 'down'), summary(ups, 'up')].filter((part) => part !== undefined)
  const warning = downs.length > 0 ? 'Warning: ' : ''
  const lines = [...downs, ...ups].map(lineOf)
  return { subject: `[${name}] ${warning}${said.join(', ')}`, text: `${lines.join('\n')}\n` }
}

/** Of a reason, which may be what somebody's program has thrown. */
const MAX_REASON = 500

function summary([first, ...more]: readonly Alert[], status: 'up' | 'down'): string | undefined {
  if (first === undefined) return undefined
  return more.length === 0 ? `${first.address} status is ${status}` : `${more.length + 1} addresses are ${status}`
}

function lineOf({ address, state, at, reason, isRepeated }: Alert): string {
  const is = state === 'healthy' ? 'is up again' : isRepeated ? 'is still down' : 'is down'
  return `${new Date(at).toISOString()}  ${address} ${is}${reason === undefined ? '' : `: ${oneLine(reason)}`}`
}

/** A line is what one address is told of: what is probed must not be able to write others. */
function oneLine(text: string): string {
  return text
    .slice(0, MAX_REASON)
    .replace(/[\p{Cc}\u2028\u2029]+/gu, ' ')
    .trim()
}
