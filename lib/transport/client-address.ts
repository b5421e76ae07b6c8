import { writeAddressFromText } from '../clients/client-address.js'

/** Writes the octets of a client's address as Node tells it, and returns their number. The interface of a link-local one is left out. */
export function writeClientAddress(text: string, target: Uint8Array): number {
  return writeAddressFromText(text.split('%', 1)[0]!, target)
}
