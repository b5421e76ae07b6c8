import { resolve } from 'node:path'
import { parseArgs } from 'node:util'

export const PARTS = [
  'peers',
  'forward',
  'costs',
  'metrics',
  'million',
  'writes',
  'etcd',
  'api',
  'tcp',
  'footprint',
  'xdp',
] as const
/** Run where they are asked for. */
const NEEDS_ROOT: readonly string[] = ['xdp']
export type PartName = (typeof PARTS)[number]

export interface BenchOptions {
  readonly only: readonly PartName[]
  /** The servers of `peers` whose names begin so; empty: all. */
  readonly servers: readonly string[]
  /** The build to measure, and another one to measure beside it. */
  readonly dist: string
  readonly against: string | undefined
  readonly rounds: number
  readonly seconds: number
  readonly warmUpSeconds: number
  readonly names: number
  readonly manyNames: number
  readonly etcdPuts: number
}

export const HELP = `npm run bench -- [options]

  --only ${PARTS.join(',')}   parts to run; default all but xdp, which needs root
  --servers ours,nsd,…     servers of the part "peers" to run, by how their names begin; default all
  --dist <folder>          the build to measure; default dist
  --against <folder>       another build of ours, measured beside it in "peers"
  --rounds 3  --seconds 5  --warm-up 2     of each measurement
  --names 50000            hosts that the servers are given
  --many-names 1000000     hosts of the large server in "million"
  --etcd-puts 1000         puts in "etcd"
`

/** undefined when help is asked for. Throws for an option that is not known or not a number. */
export function parseOptions(given: readonly string[]): BenchOptions | undefined {
  const { values } = parseArgs({
    args: [...given],
    options: {
      help: { type: 'boolean', default: false },
      only: { type: 'string', default: PARTS.filter((part) => !NEEDS_ROOT.includes(part)).join(',') },
      servers: { type: 'string', default: '' },
      dist: { type: 'string', default: 'dist' },
      against: { type: 'string' },
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '5' },
      'warm-up': { type: 'string', default: '2' },
      names: { type: 'string', default: '50000' },
      'many-names': { type: 'string', default: '1000000' },
      'etcd-puts': { type: 'string', default: '1000' },
    },
  })
  if (values.help) return undefined
  return {
    only: parseParts(values.only),
    servers: values.servers.toLowerCase().split(',').filter(Boolean),
    dist: resolve(values.dist),
    against: values.against === undefined ? undefined : resolve(values.against),
    rounds: positive('rounds', values.rounds),
    seconds: positive('seconds', values.seconds),
    warmUpSeconds: positive('warm-up', values['warm-up']),
    names: positive('names', values.names),
    manyNames: positive('many-names', values['many-names']),
    etcdPuts: positive('etcd-puts', values['etcd-puts']),
  }
}

function parseParts(given: string): PartName[] {
  return given.split(',').map((name) => {
    const part = PARTS.find((each) => each === name)
    if (part === undefined) throw new Error(`--only knows ${PARTS.join(', ')}, got ${name}`)
    return part
  })
}

function positive(option: string, given: string): number {
  const value = Number(given)
  if (value > 0) return value
  throw new Error(`--${option} must be a number above 0, got ${given}`)
}
