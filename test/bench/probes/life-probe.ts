import { loadProduct } from '../servers/product.js'
import type { LifeMessage } from './life-message.js'

/** A fresh process that imports the library, starts a server with the given number of workers, closes it, and says how long each took. */

const [dist = '', workers = ''] = process.argv.slice(2)
const times = [performance.now()]
const { createContainerDns } = await loadProduct(dist)
times.push(performance.now())
const server = await createContainerDns({ listen: { port: 0 }, workers: Number(workers) })
times.push(performance.now())
await server.close()
times.push(performance.now())
const [importMs, startMs, closeMs] = times.slice(1).map((time, step) => time - times[step]!)
process.send!({ type: 'lived', importMs: importMs!, startMs: startMs!, closeMs: closeMs! } satisfies LifeMessage)
process.disconnect()
