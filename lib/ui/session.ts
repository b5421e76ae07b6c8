/** Where the token is: in this tab, until it is closed. Nothing else keeps it. */
const KEY = 'containerdns-token'

export function storedToken(): string | undefined {
  return sessionStorage.getItem(KEY) ?? undefined
}

export function storeToken(token: string): void {
  sessionStorage.setItem(KEY, token)
}

export function forgetToken(): void {
  sessionStorage.removeItem(KEY)
}
