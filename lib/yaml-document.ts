import { type Document, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml'
import { DetailedError, type ErrorCode } from './errors.js'

/** The keys and indexes that lead to a place of a file. */
export type ConfigPath = readonly (string | number)[]

/** A file of YAML, or of JSON, which is YAML too: what it holds, and at which line. The one door to the package yaml. */
export class YamlDocument {
  readonly value: unknown
  readonly #document: Document
  readonly #lines: LineCounter

  /** Throws the code given, with the file, the line and the reason. */
  constructor(file: string, text: string, code: ErrorCode) {
    this.#lines = new LineCounter()
    this.#document = parseDocument(text, { lineCounter: this.#lines, uniqueKeys: true, prettyErrors: false })
    const [fault] = [...this.#document.errors, ...this.#document.warnings]
    if (fault !== undefined) throw faultAt(code, file, this.#lineAt(fault.pos[0]), fault.message)
    try {
      this.value = jsOf(this.#document)
    } catch (cause) {
      if (cause instanceof Circle) throw faultAt(code, file, this.lineOf(cause.path), cause.message)
      throw new DetailedError(code, `${file}: ${(cause as Error).message}`, { file }, { cause })
    }
  }

  /** The line of the key, or item, at the end of a path, as far as the path is there. */
  lineOf(path: ConfigPath): number {
    let node = this.#document.contents as Node | null
    let line = node === null ? 1 : this.#lineOfNode(node)
    for (const step of path) {
      const next = childOf(node, step)
      if (next === undefined) return line
      line = this.#lineOfNode(next.key ?? next.value)
      node = next.value
    }
    return line
  }

  #lineOfNode(node: Node | null): number {
    return this.#lineAt(node?.range?.[0] ?? 0)
  }

  #lineAt(offset: number): number {
    return Math.max(1, this.#lines.linePos(offset).line)
  }
}

/** A fault in a file, and where: the message has the place, and a program finds it as `file` and `line` in the details. */
export function faultAt(code: ErrorCode, file: string, line: number, reason: string, cause?: unknown): DetailedError {
  return new DetailedError(code, `${file}, line ${line}: ${reason}`, { file, line }, { cause })
}

/** One value, as an environment variable has it: a word is text, `[a, b]` is an array. Throws what yaml says. */
export function parseYamlValue(text: string): unknown {
  const document = parseDocument(text, { prettyErrors: false })
  const [fault] = document.errors
  if (fault !== undefined) throw new Error(fault.message)
  return jsOf(document)
}

/** An alias of what it is part of: YAML allows it, and whoever goes through such a value does not come to an end. */
class Circle extends Error {
  readonly path: ConfigPath

  constructor(path: ConfigPath) {
    super('an alias stands for something that it is part of')
    this.path = path
  }
}

function jsOf(document: Document): unknown {
  // Aliases that grow: a file of some lines can stand for gigabytes.
  const value: unknown = document.toJS({ maxAliasCount: 100 })
  refuseCircles(value, new Set(), [])
  return value
}

function refuseCircles(value: unknown, above: Set<unknown>, path: (string | number)[]): void {
  if (typeof value !== 'object' || value === null) return
  if (above.has(value)) throw new Circle(path)
  above.add(value)
  for (const [key, part] of Object.entries(value)) {
    path.push(key)
    refuseCircles(part, above, path)
    path.pop()
  }
  above.delete(value)
}

interface Child {
  readonly key: Node | undefined
  readonly value: Node | null
}

function childOf(node: Node | null, step: string | number): Child | undefined {
  if (isMap(node)) {
    const pair = node.items.find(({ key }) => (isScalar(key) ? String(key.value) : String(key)) === String(step))
    return pair && { key: pair.key as Node, value: pair.value as Node | null }
  }
  if (!isSeq(node)) return undefined
  const item = node.items[Number(step)] as Node | undefined
  return item && { key: undefined, value: item }
}
