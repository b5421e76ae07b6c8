import { type Command, Option } from 'commander'
import { ApiClient, tokenFrom } from '../api-client.js'

/** Flags of every command that asks the API. */
export interface ApiFlags {
  readonly server: string
  readonly tokenFile?: string
  readonly json?: boolean
}

export const DEFAULT_SERVER = 'http://127.0.0.1:9003'

/** Adds what every command that asks the API understands. */
export function withApiOptions(command: Command): Command {
  return command
    .addOption(new Option('-s, --server <url>', 'where the API is').env('CONTAINERDNS_SERVER').default(DEFAULT_SERVER))
    .addOption(
      new Option('--token-file <file>', 'holds the token (or CONTAINERDNS_TOKEN, the token itself)').env(
        'CONTAINERDNS_TOKEN_FILE',
      ),
    )
    .option('-j, --json', 'JSON for programs, instead of a table')
}

const TOKEN_HINT = '--token-file or CONTAINERDNS_TOKEN'

export function clientFor({ server, tokenFile }: ApiFlags): ApiClient {
  // A variable that is set to nothing is as if it were not set.
  const token = tokenFile === undefined || tokenFile === '' ? process.env['CONTAINERDNS_TOKEN'] : tokenFrom(tokenFile)
  return new ApiClient({ server: server.replace(/\/+$/, ''), token: token || undefined, tokenHint: TOKEN_HINT })
}
