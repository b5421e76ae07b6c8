import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, createServer, type Server } from 'node:net'
import type { TLSSocket } from 'node:tls'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { DnsCheck, HttpCheck, OnOutcome, RunningProbe } from '../../../lib/health/probe/check.js'
import { type CheckOptions, parseCheck } from '../../../lib/health/probe/check-options.js'
import { probeDns } from '../../../lib/health/probe/dns-probe.js'
import { probeHttp } from '../../../lib/health/probe/http-probe.js'
import { echoRequest, IcmpProber, tokenOfReply } from '../../../lib/health/probe/icmp-probe.js'
import { probeTcp } from '../../../lib/health/probe/tcp-probe.js'
import { makeCertificate } from '../../support/certificates.js'
import { errorCode } from '../../support/error-code.js'

function outcome(start: (onOutcome: OnOutcome) => RunningProbe): Promise<[string, string]> {
  return new Promise((resolve) => start((...told) => resolve(told)))
}

async function portOf(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

/** One that nobody listens on. */
async function closedPort(): Promise<number> {
  const server = createServer()
  const port = await portOf(server)
  server.close()
  await once(server, 'close')
  return port
}

describe('a TCP probe', () => {
  it('wants any or all of its ports to take a connection', async () => {
    const open = await portOf(createServer())
    const closed = await closedPort()
    const probe = (ports: number[], require: 'any' | 'all') =>
      outcome((onOutcome) => probeTcp('127.0.0.1', ports, require, onOutcome))
    expect(await probe([open], 'all')).toEqual(['alive', ''])
    expect(await probe([closed, open], 'any')).toEqual(['alive', ''])
    expect(await probe([closed, open], 'all')).toEqual(['dead', `port ${closed}: ECONNREFUSED`])
    expect(await probe([closed], 'any')).toEqual(['dead', `port ${closed}: ECONNREFUSED`])
  })

  it('is not sure of an address that this machine has no way to', async () => {
    // The broadcast address: no kernel connects there.
    expect((await outcome((onOutcome) => probeTcp('255.255.255.255', [9], 'any', onOutcome)))[0]).toBe('unsure')
  })
})

describe('an HTTP probe', () => {
  async function probe(listener: RequestListener, options: Partial<CheckOptions & { type: 'http' }> = {}) {
    const port = await portOf(createHttpServer(listener))
    const check = parseCheck('check', { type: 'http', port, ...options }) as HttpCheck
    return outcome((onOutcome) => probeHttp('127.0.0.1', check, onOutcome))
  }

  it('asks for its path, as its host, and wants a status of success', async () => {
    let asked: unknown
    const told = await probe(
      (request, response) => {
        asked = [request.method, request.url, request.headers.host]
        response.writeHead(204).end()
      },
      { path: '/healthz?a=b', host: 'web.example' },
    )
    expect([told, asked]).toEqual([
      ['alive', ''],
      ['GET', '/healthz?a=b', 'web.example'],
    ])
    expect(await probe((_, response) => response.writeHead(503).end())).toEqual(['dead', 'status 503'])
    expect(await probe((_, response) => response.writeHead(418).end(), { statuses: [418] })).toEqual(['alive', ''])
  })

  it('goes over TLS, and looks at the certificate when it is told to', async () => {
    const asked: unknown[] = []
    const server = createHttpsServer(makeCertificate(), (request, response) => {
      asked.push((request.socket as TLSSocket).servername)
      response.end()
    })
    const port = await portOf(server)
    const over = (more: object) => {
      const check = parseCheck('check', { type: 'http', tls: true, port, ...more }) as HttpCheck
      return outcome((onOutcome) => probeHttp('127.0.0.1', check, onOutcome))
    }
    expect(await over({})).toEqual(['alive', ''])
    expect(await over({ host: 'web.example' })).toEqual(['alive', ''])
    expect(await over({ verifyCertificate: true })).toEqual(['dead', 'DEPTH_ZERO_SELF_SIGNED_CERT'])
    expect(asked).toEqual([false, 'web.example'])
  })

  it('follows no redirect', async () => {
    const urls: unknown[] = []
    const told = await probe((request, response) => {
      urls.push(request.url)
      response.writeHead(302, { location: '/elsewhere' }).end()
    })
    expect([told, urls]).toEqual([['dead', 'status 302'], ['/']])
  })

  it('looks for text in the first 64 KiB of a body, and reads no more', async () => {
    expect(await probe((_, response) => response.end('all is well'), { body: 'is well' })).toEqual(['alive', ''])
    expect(await probe((_, response) => response.end('all is well'), { body: 'ill' })).toEqual([
      'dead',
      'the body is another',
    ])
    const endless: RequestListener = (_, response) => {
      const write = () => {
        while (!response.destroyed && response.write('x'.repeat(10_000)));
        response.once('drain', write)
      }
      write()
    }
    expect(await probe(endless, { body: 'end' })).toEqual(['dead', 'the body is another'])
  })

  it('is dead where headers never end, chunks are none, or something else is to be spoken', async () => {
    const says = async (...parts: string[]) => {
      const port = await portOf(
        createServer((socket) => {
          socket.on('error', () => {})
          const [first = '', rest = ''] = parts
          socket.write(first)
          const write = () => {
            while (rest !== '' && !socket.destroyed && socket.write(rest));
            socket.once('drain', write)
          }
          write()
        }),
      )
      const check = parseCheck('check', { type: 'http', port, body: 'well' }) as HttpCheck
      return (await outcome((onOutcome) => probeHttp('127.0.0.1', check, onOutcome)))[0]
    }
    expect(await says('HTTP/1.1 200 OK\r\n', 'x: y\r\n')).toBe('dead')
    expect(await says('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n', 'no chunk\r\n')).toBe('dead')
    expect(await says('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n')).toBe('dead')
  })

  it('is dead where something else than HTTP is spoken', async () => {
    const port = await portOf(createServer((socket) => socket.on('error', () => {}).end('SSH-2.0\r\n')))
    const check = parseCheck('check', { type: 'http', port }) as HttpCheck
    expect((await outcome((onOutcome) => probeHttp('127.0.0.1', check, onOutcome)))[0]).toBe('dead')
  })
})

describe('a DNS probe', () => {
  async function probe(respond: (query: Buffer) => Buffer[], rcodes?: 'NXDOMAIN'[]) {
    const server = createSocket('udp4')
    server.on('message', (query, { port, address }) => {
      for (const response of respond(query)) server.send(response, port, address)
    })
    server.bind(0, '127.0.0.1')
    await once(server, 'listening')
    const given = { type: 'dns', name: 'web.example', port: server.address().port, ...(rcodes && { rcodes }) } as const
    const check = parseCheck('check', given) as DnsCheck
    const told = await outcome((onOutcome) => probeDns('127.0.0.1', check, onOutcome))
    server.close()
    return told
  }
  const response = (query: Buffer, rcode: number) => {
    const bytes = Buffer.from(query)
    bytes[2]! |= 0x80
    bytes[3]! |= rcode
    return bytes
  }

  it('goes by the RCODE', async () => {
    expect(await probe((query) => [response(query, 0)])).toEqual(['alive', ''])
    expect(await probe((query) => [response(query, 3)])).toEqual(['dead', 'RCODE 3'])
    expect(await probe((query) => [response(query, 3)], ['NXDOMAIN'])).toEqual(['alive', ''])
  })

  it('waits for the response to its own query', async () => {
    const told = await probe((query) => {
      const otherId = response(query, 3)
      otherId[0]! ^= 1
      const otherName = response(query, 3)
      otherName[13]! ^= 1
      return [query, Buffer.alloc(5), otherId, otherName, response(query, 0)]
    })
    expect(told).toEqual(['alive', ''])
  })

  it('is dead where nobody listens', async () => {
    const socket = createSocket('udp4').bind(0, '127.0.0.1')
    await once(socket, 'listening')
    const { port } = socket.address()
    socket.close()
    await once(socket, 'close')
    const check = parseCheck('check', { type: 'dns', name: 'web.example', port }) as DnsCheck
    expect(await outcome((onOutcome) => probeDns('127.0.0.1', check, onOutcome))).toEqual(['dead', 'ECONNREFUSED'])
  })

  it('can be given up before it has begun', async () => {
    const check = parseCheck('check', { type: 'dns', name: 'web.example', port: 9 }) as DnsCheck
    const told: unknown[] = []
    for (let i = 0; i < 20; i++) probeDns('127.0.0.1', check, (...outcome) => void told.push(outcome)).cancel()
    await new Promise((resolve) => setImmediate(resolve))
    expect(told).toEqual([])
  })
})

describe('an ICMP probe', () => {
  it('hears a reply over IPv4 and IPv6, and nothing when there is none; or says that it cannot be had', async () => {
    let icmp: IcmpProber
    try {
      icmp = new IcmpProber()
    } catch (error) {
      // On a machine that lets nobody ping: the documented code, and nothing else.
      expect(error).toMatchObject({ code: 'CDNS_ICMP_UNAVAILABLE' })
      return
    }
    for (const address of ['127.0.0.1', '127.0.7.99', '::1']) {
      expect(await outcome((onOutcome) => icmp.probe(address, onOutcome)), address).toEqual(['alive', ''])
    }
    const told: unknown[] = []
    icmp.probe('127.0.0.1', (...outcome) => void told.push(outcome)).cancel()
    expect(await outcome((onOutcome) => icmp.probe('127.0.0.1', onOutcome))).toEqual(['alive', ''])
    expect(told).toEqual([])
    icmp.close()
  })
})

describe('what comes in on a socket of ICMP', () => {
  const sockets = fc.record({ isRaw: fc.boolean(), isV6: fc.boolean() })
  const tokens = fc.uint8Array({ minLength: 8, maxLength: 8 })
  const IP_HEADER = 20

  /** The reply to a request, as the kernel hands it over. */
  function reply(token: Uint8Array, { isRaw, isV6 }: { isRaw: boolean; isV6: boolean }): Buffer {
    const echo = Buffer.from(echoRequest(token, isV6))
    echo[0] = isV6 ? 129 : 0
    // The kernel's own identifier.
    if (!isRaw) echo.writeUInt16BE(0x1234, 4)
    return isRaw && !isV6 ? Buffer.concat([Buffer.alloc(IP_HEADER, 0x45), echo]) : echo
  }

  it('is a reply when it is all that a reply is, and to no other request', () => {
    fc.assert(
      fc.property(sockets, tokens, fc.nat(), fc.nat(7), (socket, token, at, bit) => {
        const bytes = reply(token, socket)
        const wanted = Buffer.from(token).toString('latin1')
        expect(tokenOfReply(bytes, bytes.length, socket)).toBe(wanted)
        const start = bytes.length - 16
        // All but the checksum, which the kernel has looked at, and the identifier where that is the kernel's.
        const told = socket.isRaw ? [0, 1, 4, 5, 6, 7] : [0, 1, 6, 7]
        const places = [...told, 8, 9, 10, 11, 12, 13, 14, 15]
        bytes[start + places[at % places.length]!]! ^= 1 << bit
        expect(tokenOfReply(bytes, bytes.length, socket)).not.toBe(wanted)
      }),
    )
  })

  it('may be anything', () => {
    fc.assert(
      fc.property(sockets, fc.uint8Array({ maxLength: 80 }), (socket, bytes) => {
        const token = tokenOfReply(bytes, bytes.length, socket)
        expect(token === undefined || token.length === 8).toBe(true)
      }),
    )
  })
})

describe('the options of a check', () => {
  it('refuses what makes no sense, with a code', () => {
    for (const [given, code] of [
      [null, 'CDNS_OPTION_INVALID'],
      [{ type: 'tpc' }, 'CDNS_OPTION_INVALID'],
      [{ type: 'tcp', ports: [0] }, 'CDNS_OPTION_INVALID'],
      [{ type: 'tcp', ports: '80' }, 'CDNS_OPTION_INVALID'],
      [{ type: 'tcp', require: 'some' }, 'CDNS_OPTION_INVALID'],
      [{ type: 'tcp', path: '/' }, 'CDNS_OPTION_UNKNOWN'],
      [{ type: 'http', path: 'healthz' }, 'CDNS_OPTION_INVALID'],
      [{ type: 'http', path: '/\r\nX: y' }, 'CDNS_OPTION_INVALID'],
      [{ type: 'http', host: 'a\r\nb' }, 'CDNS_OPTION_INVALID'],
      [{ type: 'http', statuses: [] }, 'CDNS_OPTION_INVALID'],
      [{ type: 'http', statuses: [99] }, 'CDNS_OPTION_INVALID'],
      [{ type: 'http', body: '' }, 'CDNS_OPTION_INVALID'],
      [{ type: 'http', tls: 1 }, 'CDNS_OPTION_INVALID'],
      [{ type: 'dns', name: 'a..b' }, 'CDNS_NAME_INVALID'],
      [{ type: 'dns', name: 'a', recordType: 'B' }, 'CDNS_TYPE_UNSUPPORTED'],
      [{ type: 'dns', name: 'a', rcodes: ['YXDOMAIN'] }, 'CDNS_OPTION_INVALID'],
      [{ type: 'icmp', port: 1 }, 'CDNS_OPTION_UNKNOWN'],
    ] as const) {
      expect(
        errorCode(() => parseCheck('check', given as unknown as CheckOptions)),
        JSON.stringify(given),
      ).toBe(code)
    }
  })
})
