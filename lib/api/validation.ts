import { Ajv, type ValidateFunction } from 'ajv'
import { ContainerDnsError } from '../errors.js'
import type { JsonSchema } from './route.js'

/** What is checked. Texts of a URL become the numbers that their schema wants; bodies stay as they came. */
export type RequestPart = 'body' | 'querystring' | 'params' | 'headers'

/** Checks requests by their schemas. A host's own Fastify may be set to drop what it does not know: here nothing is lost in silence. */
export class RequestValidation {
  readonly #ofBodies = new Ajv({ strict: false, coerceTypes: false })
  readonly #ofUrls = new Ajv({ strict: false, coerceTypes: true })

  /** Throws CDNS_REQUEST_INVALID from the function that it gives. */
  compile(part: RequestPart, schema: JsonSchema): (value: unknown) => true {
    const validate: ValidateFunction = (part === 'body' ? this.#ofBodies : this.#ofUrls).compile(schema)
    return (value) => {
      if (validate(value)) return true
      const [first] = validate.errors ?? []
      const where = `${part}${first?.instancePath ?? ''}`
      const { allowedValues } = (first?.params ?? {}) as { allowedValues?: readonly unknown[] }
      const allowed = allowedValues === undefined ? '' : `: ${allowedValues.join(', ')}`
      const which = first?.propertyName === undefined ? '' : `, ${JSON.stringify(first.propertyName.slice(0, 80))}`
      throw new ContainerDnsError('CDNS_REQUEST_INVALID', `${where} ${first?.message ?? 'is wrong'}${allowed}${which}`)
    }
  }
}
