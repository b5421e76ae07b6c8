import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const binary = (name: string) => fileURLToPath(new URL(`../../dist/${name}.js`, import.meta.url))

/** Runs a command as a process of its own, and resolves with how it ended. */
export function run(args: readonly string[], env: NodeJS.ProcessEnv = {}, name = 'cli'): Promise<Ran> {
  return new Promise((resolve) => {
    const environment = { PATH: process.env['PATH'], ...env }
    const child = execFile(process.execPath, [binary(name), ...args], { env: environment }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    )
  })
}
