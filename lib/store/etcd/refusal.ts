// What etcd says to those whom it does not know, or does not let: numbers of gRPC.
const INVALID_ARGUMENT = 3
const PERMISSION_DENIED = 7
const FAILED_PRECONDITION = 9
const UNAUTHENTICATED = 16
const NOT_LET_IN: ReadonlySet<unknown> = new Set([
  INVALID_ARGUMENT,
  PERMISSION_DENIED,
  FAILED_PRECONDITION,
  UNAUTHENTICATED,
])

/** Whether etcd is there and has refused, as against not being there. */
export function isRefusal(error: unknown): boolean {
  return NOT_LET_IN.has((error as { code?: unknown }).code)
}

/** A token that has expired or that a restarted etcd has never heard of, one from before a change of rights, and none at all. */
export function isTokenRefusal(error: unknown): boolean {
  const { code, message } = error as { code?: unknown; message: string }
  if (code === UNAUTHENTICATED) return true
  return code === INVALID_ARGUMENT && /revision of auth store is old|user name is empty/.test(message)
}

/** "authentication is not enabled": then nobody asks who we are. */
export function isLoginUnneeded(error: unknown): boolean {
  return (error as { code?: unknown }).code === FAILED_PRECONDITION
}
