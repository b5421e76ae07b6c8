import { describe, expect, it } from 'vitest'
import { BpfAssembler } from '../../../lib/transport/xdp/bpf-assembler.js'

const hex = (program: Uint8Array) => Buffer.from(program).toString('hex').match(/.{16}/g)

describe('the assembler', () => {
  // By the tables of RFC 9669 §4 and §5.
  it('writes instructions as the kernel reads them', () => {
    const program = new BpfAssembler()
      .copy(6, 1)
      .load(4, 7, 6, 4)
      .add(2, -20)
      .jumpIfAbove(2, 8, 'end')
      .jumpUnlessEqual(3, 0x0008, 'end')
      .storeValue(2, 10, -10, 0xffff)
      .store(4, 10, -8, 2)
      .loadMap(1, 5)
      .call(51)
      .label('end')
      .set(0, 2)
      .exit()
    expect(hex(program.assemble())).toEqual([
      'bf16000000000000',
      '6167040000000000',
      '07020000ecffffff',
      '2d82060000000000',
      '5603050008000000',
      '6a0af6ffffff0000',
      '632af8ff00000000',
      '1811000005000000',
      '0000000000000000',
      '8500000033000000',
      'b700000002000000',
      '9500000000000000',
    ])
  })

  it('refuses a jump that leads nowhere, or back', () => {
    expect(() => new BpfAssembler().jump('nowhere').exit().assemble()).toThrow(RangeError)
    expect(() => new BpfAssembler().label('back').set(0, 1).jump('back').assemble()).toThrow(RangeError)
  })
})
