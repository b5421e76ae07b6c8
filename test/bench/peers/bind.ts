import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ZONE, zoneFile } from '../names.js'
import type { Peer } from './peer.js'

/** One worker thread; rate limits are off by default. */
export const bind: Peer = {
  name: 'BIND',
  program: 'named',
  prepare({ folder, port, names }) {
    writeFileSync(join(folder, 'zone'), zoneFile(names))
    writeFileSync(
      join(folder, 'named.conf'),
      `options {
  directory "${folder}";
  listen-on port ${port} { 127.0.0.1; };
  listen-on-v6 { none; };
  recursion no;
  minimal-responses yes;
  dnssec-validation no;
  notify no;
  pid-file none;
  session-keyfile none;
  zone-statistics no;
};
controls { };
logging { category default { default_stderr; }; channel default_stderr { stderr; severity warning; }; };
zone "${ZONE}" { type primary; file "zone"; };
`,
    )
    return ['-f', '-n', '1', '-c', join(folder, 'named.conf')]
  },
}
