import { configFaultsOf } from '../config/config-fault.js'

/** Where a command's config is, if it has any. */
interface ConfigFlags {
  readonly config?: string
  readonly configFile?: string
}

/**
 * Why a command that runs by a config could not start. A start ends at the first thing that is wrong; where the config, or a file that it
 * names, has faults, those are what there is to say, as `containerdns check` says them. `check` reads the config with its files.
 */
export async function faultsOfStart(error: Error, flags: ConfigFlags, check: () => Promise<unknown>): Promise<Error> {
  if (flags.config === undefined && flags.configFile === undefined) return error
  try {
    await check()
    return error
  } catch (faults) {
    return configFaultsOf(faults).length > 0 ? (faults as Error) : error
  }
}
