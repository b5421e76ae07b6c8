// A place where we answer, as the program looks it up: | address 16, of IPv4 as ::ffff:… | port u16 | is tagged u16, 0 or 1 |
export const KEY_ADDRESS = 0
export const KEY_PORT = KEY_ADDRESS + 16
export const KEY_IS_TAGGED = KEY_PORT + 2
export const KEY_SIZE = KEY_IS_TAGGED + 2

/** A place, and whether frames for it have a VLAN tag. `address` has 16 octets. */
export function placeKey(address: Uint8Array, port: number, isTagged: boolean): Uint8Array {
  const key = new Uint8Array(KEY_SIZE)
  const view = new DataView(key.buffer)
  key.set(address, KEY_ADDRESS)
  view.setUint16(KEY_PORT, port)
  view.setUint16(KEY_IS_TAGGED, isTagged ? 1 : 0, true)
  return key
}
