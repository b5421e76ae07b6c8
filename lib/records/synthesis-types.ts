// Types of our own: RFC 6895 §3.1 leaves 65280 to 65534 to private use. An RRset of such a type stands at a wildcard, and says how the names
// that the wildcard speaks for are answered, in place of a record for each; its TTL is that of the answers. Nobody is
// answered with the RRset itself, and to a question the wildcard has no other data.

/** A label right below is an address with dashes, `192-0-2-1` or `2001-db8--1`, and has that address; no other name is there. The data says nothing. */
export const ADDRESS_LABELS = 65_401

/**
 * A name below was made by a client from another and the first domain of its search list. The data is the rest of that list, as names in
 * wire form: the first that makes a name that is there answers, by a CNAME; no other name is there.
 */
export const SEARCH_LIST = 65_402

/** Whether an RRset of the type is for our use alone. */
export function isSynthesisType(type: number): boolean {
  return type === ADDRESS_LABELS || type === SEARCH_LIST
}
