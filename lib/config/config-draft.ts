import type { ConfigPath } from '../yaml-document.js'
import { isSection } from './config-fault.js'

/** Stands where a value has been taken out. In a list it keeps the place, so that others keep their numbers. */
const TAKEN_OUT = Symbol('taken out')

/** A copy of a config in which what is wrong gives way, so that the rest of it can be looked at. */
export class ConfigDraft {
  readonly #marked: { config: unknown }
  readonly #changed: ConfigPath[] = []

  readonly #supposed: ConfigPath[] = []

  constructor(config: object) {
    this.#marked = { config: structuredClone(config) }
  }

  /** Without what has been taken out. */
  get content(): object {
    return withoutMarks(this.#marked.config) as object
  }

  takeOut(path: ConfigPath): void {
    this.put(path, TAKEN_OUT)
  }

  /** Puts a value where there is one or could be; elsewhere it changes nothing. */
  put(path: ConfigPath, value: unknown): void {
    if (path.length === 0) return
    let parent: unknown = this.#marked.config
    for (const step of path.slice(0, -1)) parent = partOf(parent, step)
    if (!isSection(parent) && !Array.isArray(parent)) return
    ;(parent as Record<string | number, unknown>)[path.at(-1)!] = value
    this.#changed.push(path)
  }

  valueAt(path: ConfigPath): unknown {
    const value = path.reduce(partOf, this.#marked.config)
    return value === TAKEN_OUT ? undefined : value
  }

  /** Where what stands at a path of `content` was in the config. */
  placeOf(path: ConfigPath): ConfigPath {
    const place: (string | number)[] = []
    let at: unknown = this.#marked.config
    for (const step of path) {
      const original = Array.isArray(at) && typeof step === 'number' ? placeInList(at, step) : step
      place.push(original)
      at = partOf(at, original)
    }
    return place
  }

  /** A place whose last key may be shown in part: of a long one, messages have the beginning. */
  wholePlaceOf(place: ConfigPath): ConfigPath {
    const key = place.at(-1)
    const section = this.valueAt(place.slice(0, -1))
    if (typeof key !== 'string' || !key.endsWith('…') || !isSection(section) || Object.hasOwn(section, key))
      return place
    const beginning = key.slice(0, -1)
    const whole = Object.entries(section).find(([each, value]) => value !== TAKEN_OUT && each.startsWith(beginning))
    return whole === undefined ? place : [...place.slice(0, -1), whole[0]]
  }

  /** The config has nothing at a place, and what will be there is not its fault. */
  suppose(place: ConfigPath): void {
    this.#supposed.push(place)
  }

  isSupposed(place: ConfigPath): boolean {
    return this.#supposed.some((each) => each.length <= place.length && isOneWay(each, place))
  }

  /** Whether anything at a place, above it or below it, is not what the config says. */
  isChanged(place: ConfigPath): boolean {
    return this.#changed.some((each) => isOneWay(each, place))
  }
}

/** Whether one path leads on from the other. */
export function isOneWay(one: ConfigPath, other: ConfigPath): boolean {
  return one.every((step, i) => i >= other.length || step === other[i])
}

function partOf(value: unknown, step: string | number): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined
  return (value as Record<string | number, unknown>)[step]
}

/** A place behind the end stays one. */
function placeInList(list: readonly unknown[], index: number): number {
  let left = index
  for (const [i, item] of list.entries()) if (item !== TAKEN_OUT && left-- === 0) return i
  return list.length + left
}

function withoutMarks(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((item) => item !== TAKEN_OUT).map(withoutMarks)
  if (!isSection(value)) return value
  const kept = Object.entries(value).filter(([, item]) => item !== TAKEN_OUT)
  return Object.fromEntries(kept.map(([key, item]) => [key, withoutMarks(item)]))
}
