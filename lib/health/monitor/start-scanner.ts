import { parseScannerOptions, type ScannerOptions } from './options.js'
import { EtcdScanner, type Scanner } from './scanner.js'

/**
 * Starts a scanner: a program that probes its share of the addresses that have a status in etcd. Resolves when it could probe; etcd may come later.
 *
 * Rejects with a `ContainerDnsError`: bad options (CDNS_OPTION_…), CDNS_ICMP_UNAVAILABLE, CDNS_HOOK_MODULE_FAILED, CDNS_THREAD_FAILED.
 */
export async function startScanner(options: ScannerOptions): Promise<Scanner> {
  const scanner = new EtcdScanner(parseScannerOptions(options))
  try {
    await scanner.start()
  } catch (error) {
    await scanner.close()
    throw error
  }
  return scanner
}
