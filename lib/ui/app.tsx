import { render } from 'preact'
import { useCallback, useEffect, useMemo, useState } from 'preact/hooks'
import { ApiClient, ApiProblem, wordsFor } from './api-client.js'
import type { Principal } from './api-data.js'
import { Login } from './login.js'
import { Page } from './page.js'
import { forgetToken, storedToken, storeToken } from './session.js'
import 'uplot/dist/uPlot.min.css'
import './page.css'

render(<App />, document.body)

/** Asks who it is first: without tokens that is anybody, and with one that the tab still has, nobody is asked twice. */
function App() {
  const [token, setToken] = useState(storedToken)
  const [principal, setPrincipal] = useState<Principal>()
  const [problem, setProblem] = useState<string>()
  const [attempt, setAttempt] = useState(0)
  const [isLoginWanted, setIsLoginWanted] = useState(false)

  const signOut = useCallback((reason?: string) => {
    forgetToken()
    setToken(undefined)
    setPrincipal(undefined)
    setProblem(reason)
    setIsLoginWanted(true)
  }, [])
  const api = useMemo(() => new ApiClient(token, signOut), [token, signOut])

  // Another attempt asks the same again.
  useEffect(() => {
    if (isLoginWanted) return
    const abort = new AbortController()
    api
      .get<Principal>('v1/principal', abort.signal)
      .then(setPrincipal)
      .catch((error: unknown) => {
        const isLogin = error instanceof ApiProblem && error.status === 401
        if (!abort.signal.aborted && !isLogin) setProblem(wordsFor(error))
      })
    return () => abort.abort()
  }, [api, isLoginWanted, attempt])

  const signIn = (given: string) => {
    storeToken(given)
    setToken(given)
    setProblem(undefined)
    setIsLoginWanted(false)
  }
  const retry = () => {
    setProblem(undefined)
    setAttempt((count) => count + 1)
  }

  if (principal !== undefined) return <Page api={api} principal={principal} onSignOut={() => signOut()} />
  if (isLoginWanted) return <Login problem={problem} onToken={signIn} />
  return <Waiting problem={problem} onRetry={retry} />
}

function Waiting({ problem, onRetry }: { problem: string | undefined; onRetry: () => void }) {
  if (problem === undefined) return <p class="waiting">Asking the server …</p>
  return (
    <main class="login">
      <p role="alert">{problem}</p>
      <button type="button" onClick={onRetry}>
        Try again
      </button>
    </main>
  )
}
