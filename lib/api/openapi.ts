import fastifySwagger from '@fastify/swagger'
import Fastify from 'fastify'
import type { Route } from './route.js'

/**
 * The OpenAPI 3.1 document of the routes.
 *
 * Made with an app of its own that never listens: a host that we are registered in may have the same plugin for its own routes.
 */
export async function describeRoutes(routes: readonly Route[]): Promise<object> {
  const app = Fastify({ exposeHeadRoutes: false })
  await app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'containerdns',
        version: '1',
        description:
          'Records, health, cache and figures of containerdns. Below /containerdns and /kdns are the calls of ContainerDNS and KDNS, for programs written for them.',
      },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
    },
  })
  app.setValidatorCompiler(() => () => true)
  app.setSerializerCompiler(() => JSON.stringify)
  for (const { method, path, access, schema } of routes) {
    const security = access === 'open' ? [] : [{ token: [] }]
    app.route({ method, url: path, schema: { ...schema, security } as object, handler: () => undefined })
  }
  await app.ready()
  const document = app.swagger()
  await app.close()
  return document
}
