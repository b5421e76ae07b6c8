/**
 * Instructions of the kernel's virtual machine, as far as `redirect-program.ts` needs them, and labels to jump to.
 *
 * An instruction is 8 bytes: | operation u8 | destination 4 bits, source 4 bits | offset i16 | immediate i32 |. Jumps go forward only, and
 * their offset counts instructions from the one behind the jump. RFC 9669 has the whole set.
 */
export class BpfAssembler {
  readonly #instructions: { code: number; registers: number; offset: number; immediate: number }[] = []
  /** Where a label stands, by its name. */
  readonly #labels = new Map<string, number>()
  /** Jumps whose label had not come yet when they were written. */
  readonly #jumps: { at: number; label: string }[] = []

  /** `target = source` */
  copy(target: Register, source: Register): this {
    return this.#add(ALU64 | MOV | FROM_REGISTER, target, source)
  }

  /** `target = value` */
  set(target: Register, value: number): this {
    return this.#add(ALU64 | MOV, target, 0, 0, value)
  }

  /** `target += value` */
  add(target: Register, value: number): this {
    return this.#add(ALU64 | ADD, target, 0, 0, value)
  }

  /** `target &= mask` */
  and(target: Register, mask: number): this {
    return this.#add(ALU64 | AND, target, 0, 0, mask)
  }

  /** `target = the 1, 2 or 4 bytes at source + offset`, as a little-endian machine reads them */
  load(size: Size, target: Register, source: Register, offset: number): this {
    return this.#add(LDX | MEMORY | SIZES[size], target, source, offset)
  }

  /** `the 1, 2 or 4 bytes at target + offset = source` */
  store(size: Size, target: Register, offset: number, source: Register): this {
    return this.#add(STX | MEMORY | SIZES[size], target, source, offset)
  }

  /** `the 1, 2 or 4 bytes at target + offset = value` */
  storeValue(size: Size, target: Register, offset: number, value: number): this {
    return this.#add(ST | MEMORY | SIZES[size], target, 0, offset, value)
  }

  /** `target = the map`; takes the place of two instructions. */
  loadMap(target: Register, mapFd: number): this {
    this.#add(LOAD_64, target, MAP_BY_FD, 0, mapFd)
    return this.#add(0, 0, 0)
  }

  /** `if (left > right) goto label`, unsigned */
  jumpIfAbove(left: Register, right: Register, label: string): this {
    return this.#jump(JUMP64 | ABOVE | FROM_REGISTER, left, right, 0, label)
  }

  /** `if (left == NULL) goto label`: what a map has for a key. */
  jumpIfNull(left: Register, label: string): this {
    return this.#jump(JUMP64 | EQUAL, left, 0, 0, label)
  }

  /** `if (the lower half of left == value) goto label` */
  jumpIfEqual(left: Register, value: number, label: string): this {
    return this.#jump(JUMP32 | EQUAL, left, 0, value, label)
  }

  /** `if (the lower half of left != value) goto label` */
  jumpUnlessEqual(left: Register, value: number, label: string): this {
    return this.#jump(JUMP32 | UNEQUAL, left, 0, value, label)
  }

  jump(label: string): this {
    return this.#jump(JUMP64, 0, 0, 0, label)
  }

  /** Calls a function of the kernel: arguments from r1 on, the result in r0; r1 to r5 are lost. */
  call(helper: number): this {
    return this.#add(JUMP64 | CALL, 0, 0, 0, helper)
  }

  exit(): this {
    return this.#add(JUMP64 | EXIT, 0, 0)
  }

  label(name: string): this {
    this.#labels.set(name, this.#instructions.length)
    return this
  }

  /** The program, as bpf(2) takes it. Throws for a jump to a label that is not there or is behind it. */
  assemble(): Uint8Array {
    for (const { at, label } of this.#jumps) {
      const offset = (this.#labels.get(label) ?? -1) - at - 1
      if (offset < 0) throw new RangeError(`no label ${label} after instruction ${at}`)
      this.#instructions[at]!.offset = offset
    }
    const bytes = new Uint8Array(this.#instructions.length * INSTRUCTION_SIZE)
    const view = new DataView(bytes.buffer)
    for (const [i, { code, registers, offset, immediate }] of this.#instructions.entries()) {
      const at = i * INSTRUCTION_SIZE
      view.setUint8(at + CODE, code)
      view.setUint8(at + REGISTERS, registers)
      view.setInt16(at + OFFSET, offset, true)
      view.setInt32(at + IMMEDIATE, immediate, true)
    }
    return bytes
  }

  #jump(code: number, left: Register, right: Register, immediate: number, label: string): this {
    this.#jumps.push({ at: this.#instructions.length, label })
    return this.#add(code, left, right, 0, immediate)
  }

  #add(code: number, target: Register, source: Register, offset = 0, immediate = 0): this {
    this.#instructions.push({ code, registers: (source << 4) | target, offset, immediate })
    return this
  }
}

/** r0 holds results, r1 to r5 arguments, r6 to r9 outlive calls, and r10 is the end of the stack. */
export type Register = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10
/** In bytes. */
type Size = 1 | 2 | 4

const CODE = 0
const REGISTERS = CODE + 1
const OFFSET = REGISTERS + 1
const IMMEDIATE = OFFSET + 2
export const INSTRUCTION_SIZE = IMMEDIATE + 4

// Classes of instructions: the lowest three bits.
const LDX = 0x01
const ST = 0x02
const STX = 0x03
const JUMP64 = 0x05
const JUMP32 = 0x06
const ALU64 = 0x07

// Of ALU64 and of jumps: whether the second operand is a register, or the immediate.
const FROM_REGISTER = 0x08

const ADD = 0x00
const AND = 0x50
const MOV = 0xb0

const EQUAL = 0x10
const ABOVE = 0x20
const UNEQUAL = 0x50
const CALL = 0x80
const EXIT = 0x90

const MEMORY = 0x60
const SIZES: Readonly<Record<Size, number>> = { 1: 0x10, 2: 0x08, 4: 0x00 }

/** A load of 64 bits that the instruction itself brings along: LD | IMM | DW. */
const LOAD_64 = 0x18
/** In the place of its source: the immediate is a descriptor, and what is loaded is its map. */
const MAP_BY_FD = 1
