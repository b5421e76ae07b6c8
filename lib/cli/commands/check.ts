import { type Command, Option } from 'commander'
import { readConfig } from '../../config/config-file.js'
import { write, writeJson } from '../outcome.js'

interface CheckFlags {
  readonly origin?: boolean
  readonly json?: boolean
  readonly env: boolean
  readonly files: boolean
}

/** `containerdns check`: says whether a config could be served, and which line is in the way. */
export function addCheckCommand(program: Command): void {
  program
    .command('check')
    .description(
      'test a config, and the files of records, certificates and tokens that it names, without starting anything; a fault names its file, line and key',
    )
    .argument('<file>', 'YAML or JSON; a name that ends in .conf or .ini is a file of ContainerDNS')
    .addOption(new Option('--origin', 'the file is one of ContainerDNS, whatever its name'))
    .option('--no-env', 'without the overrides of the environment')
    .option('--no-files', 'without the files that it names: for a config of another host')
    .option('-j, --json', 'JSON for programs')
    .action(check)
}

async function check(file: string, { origin, json, env, files }: CheckFlags): Promise<void> {
  const isOrigin = origin === true || /\.(?:conf|ini)$/i.test(file)
  const environment = env ? process.env : {}
  const config = await readConfig({ ...(isOrigin ? { originFile: file } : { file }), environment, checksFiles: files })
  if (json) writeJson({ file, isRight: true, ignored: config.ignored })
  else write([...config.ignored, `${file} is right`].map((line) => `${line}\n`).join(''))
}
