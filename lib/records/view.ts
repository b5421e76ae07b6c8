import { describe } from '../bounds.js'
import { ContainerDnsError } from '../errors.js'

/** The view of all clients that are in no other, and of those whose own view has nothing for a name. Its number is 0. */
export const DEFAULT_VIEW = 'default'

/** What is in the default view alone. */
export const NO_VIEWS: readonly string[] = [DEFAULT_VIEW]

/** Entries of the index say the number of their view in eight bits. */
export const MAX_VIEWS = 255

const VIEW_NAME = /^[A-Za-z0-9_-]{1,63}$/

/** Whether a view can be called so: letters, digits, `_` and `-`, up to 63 of them. */
export function isViewName(given: unknown): given is string {
  return typeof given === 'string' && VIEW_NAME.test(given)
}

/** The number of a view among those of a server, whose first is the default one. Throws CDNS_VIEW_UNKNOWN. */
export function viewNumber(views: readonly string[], view: string = DEFAULT_VIEW): number {
  const number = views.indexOf(view)
  if (number !== -1) return number
  throw new ContainerDnsError(
    'CDNS_VIEW_UNKNOWN',
    `the server has no view ${describe(view)}; it has ${views.join(', ')}`,
  )
}
