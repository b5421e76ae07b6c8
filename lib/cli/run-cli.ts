import { Command, CommanderError } from 'commander'
import { PACKAGE_VERSION } from '../package-version.js'
import { addApiCommand } from './commands/api.js'
import { addCheckCommand } from './commands/check.js'
import { addKubernetesCommand } from './commands/kubernetes.js'
import { addMonitorCommands } from './commands/monitor.js'
import { addRecordCommand } from './commands/record.js'
import { addServeCommand } from './commands/serve.js'
import { addServerCommands } from './commands/server-commands.js'
import { addZoneCommand } from './commands/zone.js'
import { errorText } from './error-text.js'
import { EXIT, exitCodeOf } from './outcome.js'

const EXIT_CODES = `
Exit codes: 0 it is done; 1 it could not be done; 2 the command line is wrong, and nothing was tried.`
const WHERE_THE_API_IS = `
Commands that ask the API find it at --server (CONTAINERDNS_SERVER), with the token of --token-file (CONTAINERDNS_TOKEN_FILE, CONTAINERDNS_TOKEN).`

/** The command line, with all its commands. */
export function createProgram(): Command {
  const program = new Command('containerdns')
    .description(
      'The internal DNS of a container platform: records from memory or etcd, answered out of shared memory.',
    )
    .version(PACKAGE_VERSION)
    .showHelpAfterError('(--help says what there is)')
    .addHelpText('after', WHERE_THE_API_IS)
    // Of each command, too.
    .addHelpText('afterAll', EXIT_CODES)
    .exitOverride()
  addServeCommand(program)
  addApiCommand(program)
  addKubernetesCommand(program)
  addRecordCommand(program)
  addZoneCommand(program)
  addServerCommands(program)
  addCheckCommand(program)
  addMonitorCommands(program)
  return program
}

/** Runs the command line; sets `process.exitCode` and returns when the command has nothing more to do. */
export async function runCli(argv: readonly string[]): Promise<void> {
  await runProgram(createProgram(), argv)
}

/** Runs a command line of ours, and turns what it throws into a sentence and an exit code. */
export async function runProgram(program: Command, argv: readonly string[]): Promise<void> {
  // Whoever reads no more of what we print has what they wanted.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') process.exitCode = EXIT.failed
  })
  try {
    await program.parseAsync(argv)
  } catch (error) {
    if (error instanceof CommanderError) {
      // What is wrong, or the help that was asked for, is printed by now.
      process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage
      return
    }
    process.stderr.write(errorText(error))
    process.exitCode = exitCodeOf(error)
  }
}
