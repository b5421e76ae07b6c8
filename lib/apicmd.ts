#!/usr/bin/env node
import { runApicmd } from './cli/run-apicmd.js'

await runApicmd(process.argv)
