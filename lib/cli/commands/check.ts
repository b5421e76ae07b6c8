import { type Command, Option } from 'commander'
import { configFaultsOf } from '../../config/config-fault.js'
import { readConfig } from '../../config/config-file.js'
import { EXIT, write, writeJson } from '../outcome.js'

interface CheckFlags {
  readonly origin?: boolean
  readonly json?: boolean
  readonly env: boolean
  readonly files: boolean
}

/** `containerdns check`: says whether a config could be served, and which lines are in the way. */
export function addCheckCommand(program: Command): void {
  program
    .command('check')
    .description(
      'test a config, and the files of records, certificates and tokens that it names, without starting anything; each fault names its file, line and key',
    )
    .argument('<file>', 'YAML or JSON; a name that ends in .conf or .ini is a file of ContainerDNS')
    .addOption(new Option('--origin', 'the file is one of ContainerDNS, whatever its name'))
    .option('--no-env', 'without the overrides of the environment')
    .option('--no-files', 'without the files that it names: for a config of another host')
    .option('-j, --json', 'JSON for programs, of faults too')
    .action(check)
}

async function check(file: string, { origin, json, env, files }: CheckFlags): Promise<void> {
  const isOrigin = origin === true || /\.(?:conf|ini)$/i.test(file)
  const environment = env ? process.env : {}
  try {
    const given = isOrigin ? { originFile: file } : { file }
    const { ignored } = await readConfig({ ...given, environment, checksFiles: files })
    if (json) writeJson({ file, isRight: true, ignored })
    else write([...ignored, `${file} is right`].map((line) => `${line}\n`).join(''))
  } catch (error) {
    const faults = configFaultsOf(error)
    if (!json || faults.length === 0) throw error
    writeJson({ file, isRight: false, faults })
    process.exitCode = EXIT.failed
  }
}
