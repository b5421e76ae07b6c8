import { ContainerDnsError } from '../../lib/errors.js'
import { type TaskOutcome, toPlainError } from '../../lib/threads/messages.js'

/** A thread for `runOnce` that ends in each way that there is. */
export default async function run({ how }: { how: string }): Promise<TaskOutcome<unknown>> {
  switch (how) {
    case 'result':
      return { result: { words: new Int32Array(new SharedArrayBuffer(8)) } }
    case 'error':
      return { error: toPlainError(new ContainerDnsError('CDNS_RRSET_TOO_LARGE', 'too large')) }
    case 'throw':
      throw new Error('thrown')
    case 'exit':
      process.exit(3)
      break
    default:
      for (;;) Math.sqrt(2)
  }
}
