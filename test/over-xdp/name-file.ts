import { relative } from 'node:path'
import { beforeAll, expect } from 'vitest'

/** Tells servers, also those in processes of their own, whose they are. */
beforeAll(() => {
  process.env['OVER_XDP_FILE'] = relative('.', expect.getState().testPath!)
})
