import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { clientInSlot, ENDS_SIZE, saveEnds } from '../../lib/query/client-in-slot.js'
import type { ClientAddresses } from '../../lib/query/query-context.js'

const ADDRESS = fc.constantFrom(0, 4, 16).chain((size) => fc.uint8Array({ minLength: size, maxLength: size }))
const PORT = fc.nat(65_535)

/** Who says of request 3 what is given, and nothing of others. */
function clientsOf(clientPort: number, server: Uint8Array, serverPort: number): ClientAddresses {
  return {
    clientAddress: () => 0,
    clientPort: (i) => (i === 3 ? clientPort : 0),
    serverAddress(i, target) {
      if (i === 3) target.set(server)
      return i === 3 ? server.length : 0
    },
    serverPort: (i) => (i === 3 ? serverPort : 0),
  }
}

function addressIn(write: ((i: number, target: Uint8Array) => number) | undefined): Uint8Array {
  const target = new Uint8Array(16)
  return target.subarray(0, write!(0, target))
}

describe('the client of a query that has to wait', () => {
  it('is told as it was when the query came, beside whatever stands around it', () => {
    const given = fc.tuple(ADDRESS, ADDRESS, PORT, PORT, fc.nat(40))
    fc.assert(
      fc.property(given, ([client, server, clientPort, serverPort, at]) => {
        const bytes = new Uint8Array(at + ENDS_SIZE + 16 + 8).fill(0xee)
        const clientStart = at + ENDS_SIZE
        bytes.set(client, clientStart)
        saveEnds(clientsOf(clientPort, server, serverPort), 3, bytes, at)
        const saved = clientInSlot(() => ({ bytes, clientStart, clientLength: client.length, endsStart: at }))
        expect(addressIn(saved.clientAddress)).toEqual(client)
        expect(addressIn(saved.serverAddress)).toEqual(server)
        expect([saved.clientPort!(0), saved.serverPort!(0)]).toEqual([clientPort, serverPort])
        expect([...bytes.subarray(0, at), ...bytes.subarray(-8)].every((each) => each === 0xee)).toBe(true)
      }),
    )
  })

  it('has no ends where nobody knows them', () => {
    const bytes = new Uint8Array(ENDS_SIZE).fill(0xee)
    saveEnds({ clientAddress: () => 0 }, 0, bytes, 0)
    const saved = clientInSlot(() => ({ bytes, clientStart: 0, clientLength: 0, endsStart: 0 }))
    expect([saved.clientPort!(0), saved.serverPort!(0), addressIn(saved.serverAddress)]).toEqual([
      ...[0, 0, new Uint8Array(0)],
    ])
  })
})
