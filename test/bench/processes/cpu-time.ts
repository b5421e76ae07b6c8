import { readdirSync, readFileSync } from 'node:fs'
import { release } from 'node:os'
import { gunzipSync } from 'node:zlib'

/** Linux counts CPU time in hundredths of a second for all programs (USER_HZ). */
const MS_PER_TICK = 10

/** Milliseconds of CPU, user and system, that a process and its descendants have used so far. */
export function cpuMsOf(pid: number): number {
  return treeOf(pid).reduce((total, each) => total + cpuMsOfOne(each), 0)
}

/** The kernel's threads that go on with soft interrupts where those of a system call have become too many. */
export function softInterruptThreads(): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.filter((pid) => readProc(`${pid}/comm`).startsWith('ksoftirqd/')).map(Number)
}

/** A process and all its descendants that are alive. */
export function treeOf(pid: number): number[] {
  const tree = [pid]
  for (const parent of tree) tree.push(...childrenOf(parent))
  return tree
}

/** What a line of `/proc/<pid>/stat` says of CPU time. The name in parentheses may hold anything, parentheses too. */
export function cpuMsFromStat(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[STAT_UTIME]) + Number(fields[STAT_STIME])) * MS_PER_TICK
}

// proc(5) counts fields from 1 and has the process' state third, which is the first behind the name.
const STAT_UTIME = 14 - 3
const STAT_STIME = 15 - 3

/** CPU time of one core since the system started, in milliseconds. */
export interface CoreTime {
  readonly busy: number
  /** The part of `busy` spent in interrupts, soft ones included. */
  readonly interrupts: number
}

export function coreTime(core: number): CoreTime {
  return coreTimeFromStat(readFileSync('/proc/stat', 'latin1'), core)
}

/** A line of `/proc/stat`: `cpu0 user nice system idle iowait irq softirq steal guest guestNice`; guests count as user already. */
export function coreTimeFromStat(stat: string, core: number): CoreTime {
  const line = stat.split('\n').find((each) => each.startsWith(`cpu${core} `)) ?? ''
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line.split(' ').slice(1).map(Number)
  const interrupts = irq + softirq
  return { busy: (user + nice + system + interrupts + steal) * MS_PER_TICK, interrupts: interrupts * MS_PER_TICK }
}

/**
 * Whether this kernel keeps the time of interrupts out of that of processes. Sending over loopback is receiving, too, in a
 * soft interrupt: where it is kept apart, it must be added again. False where the kernel's configuration cannot be read.
 */
export function keepsInterruptsApart(): boolean {
  for (const read of [
    () => gunzipSync(readFileSync('/proc/config.gz')),
    () => readFileSync(`/boot/config-${release()}`),
  ]) {
    try {
      return read().toString('latin1').includes('CONFIG_IRQ_TIME_ACCOUNTING=y')
    } catch {
      // Not every kernel says how it was configured; the next place may.
    }
  }
  return false
}

/** Memory of a process and its descendants: the largest whole, of the others what they share with nobody. */
export function residentBytesOf(pid: number): number {
  const each = treeOf(pid).map((member) => memoryFromRollup(readProc(`${member}/smaps_rollup`)))
  const largest = each.reduce((a, b) => (b.resident > a.resident ? b : a))
  return each.reduce((total, one) => total + (one === largest ? one.resident : one.own), 0)
}

/** What `/proc/<pid>/smaps_rollup` says. */
export function memoryFromRollup(rollup: string): { resident: number; own: number } {
  const kilobytes = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(rollup)?.[1] ?? 0)
  const own = kilobytes('Private_Clean') + kilobytes('Private_Dirty')
  return { resident: kilobytes('Rss') * 1024, own: own * 1024 }
}

function cpuMsOfOne(pid: number): number {
  const stat = readProc(`${pid}/stat`)
  return stat === '' ? 0 : cpuMsFromStat(stat)
}

function childrenOf(pid: number): number[] {
  let threads: string[]
  try {
    threads = readdirSync(`/proc/${pid}/task`)
  } catch {
    return []
  }
  return threads.flatMap((thread) => readProc(`${pid}/task/${thread}/children`).split(' ').filter(Boolean).map(Number))
}

/** Empty for a process that has ended meanwhile. */
function readProc(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, 'latin1')
  } catch {
    return ''
  }
}
