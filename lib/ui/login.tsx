import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import { ProblemLine } from './outcome.js'

/** Asks for a token. */
export function Login({ problem, onToken }: { problem: string | undefined; onToken: (token: string) => void }) {
  const [token, setToken] = useState('')
  const field = useRef<HTMLInputElement>(null)
  // Before anybody sees it: what is typed at once is typed here.
  useLayoutEffect(() => field.current?.focus(), [])
  const send = (event: SubmitEvent) => {
    event.preventDefault()
    if (token.trim() !== '') onToken(token.trim())
  }
  return (
    <main class="login">
      <h1>containerdns</h1>
      <form class="fields" onSubmit={send}>
        <label for="token">Token</label>
        <input
          id="token"
          ref={field}
          type="password"
          autocomplete="off"
          spellcheck={false}
          required
          value={token}
          aria-describedby="token-hint"
          onInput={(event) => setToken(event.currentTarget.value)}
        />
        <p id="token-hint" class="hint">
          One of the API's tokens. This tab keeps it until it is closed, and sends it to this server only.
        </p>
        <ProblemLine problem={problem} />
        <button type="submit" class="primary">
          Sign in
        </button>
      </form>
    </main>
  )
}
