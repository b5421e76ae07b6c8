import { InvalidArgumentError } from 'commander'
import type { ListenOptions } from '../../transport/options.js'

/** For commander: a whole number, as digits. */
export function wholeNumber(value: string): number {
  if (!/^\d{1,15}$/.test(value)) throw new InvalidArgumentError('It must be a whole number.')
  return Number(value)
}

/** Words with commas between, given once or several times. */
export function collect(value: string, previous: string[] = []): string[] {
  return [...previous, ...value.split(',').filter((item) => item !== '')]
}

export function collectPath(value: string, previous: string[] = []): string[] {
  return [...previous, value]
}

export function collectListen(value: string, previous: ListenOptions[] = []): ListenOptions[] {
  return [...previous, parseListen(value)]
}

/** `HOST:PORT`, `[IPV6]:PORT`, `IPV6`, `HOST` or `PORT`. Whether the host is an address is the library's to say. */
export function parseListen(value: string): ListenOptions {
  if (/^\d+$/.test(value)) return { port: Number(value) }
  const bracketed = /^\[([^\]]+)\](?::(\d+))?$/.exec(value)
  const plain = /^([^:]+):(\d+)$/.exec(value)
  const match = bracketed ?? plain
  if (match === null) return { host: value }
  return match[2] === undefined ? { host: match[1]! } : { host: match[1]!, port: Number(match[2]) }
}
