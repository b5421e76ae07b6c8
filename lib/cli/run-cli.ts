import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { addServeCommand } from './commands/serve.js'

/** Runs the command line; sets `process.exitCode` and returns when the command has nothing more to do. */
export async function runCli(argv: readonly string[]): Promise<void> {
  const program = new Command('containerdns')
    .description(
      'The internal DNS of a container platform: records from memory or etcd, answered out of shared memory.',
    )
    .version(packageVersion())
    .showHelpAfterError()
  addServeCommand(program)
  await program.parseAsync(argv)
}

/** Beside `dist`, in the package and in the checkout alike. */
function packageVersion(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(manifest) as { version: string }).version
}
