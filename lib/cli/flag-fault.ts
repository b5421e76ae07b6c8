import { ContainerDnsError, type ErrorCode } from '../errors.js'

/** What the flags of a command are as options of a program, by the flag. */
export type OptionsOfFlags = Readonly<Record<string, readonly string[]>>

/** An error that begins with an option, such that it begins with the flag that has said it. Any other error as it is. */
export function faultOfFlag(error: Error, options: OptionsOfFlags): Error {
  const { code, message } = error as { code?: ErrorCode; message: string }
  if (code?.startsWith('CDNS_OPTION_') !== true) return error
  for (const [flag, names] of Object.entries(options)) {
    const name = names.find((each) => message.startsWith(each) && !/^\w/.test(message.slice(each.length)))
    if (name === undefined) continue
    const rest = message.slice(name.length)
    return new ContainerDnsError(code, flag + (/^[.[]/.test(rest) ? `: ${rest.replace(/^\./, '')}` : rest), {
      cause: error,
    })
  }
  return error
}
