import { CLASS_CH, CLASS_IN, Rcode, Type } from '../wire/constants.js'
import { EDNS_VERSION, ExtendedError } from '../wire/edns.js'
import { OPCODE_QUERY } from '../wire/header.js'
import type { QueryContext, Verdict } from './query-context.js'

/** Reads a request and sorts out what is no query that we could answer. */
export function screen(context: QueryContext): Verdict {
  const { header, reader, settings } = context
  if (!header.read(reader)) return 'dropped'
  // RFC 1035 §4.1.1 has no answer to an answer, and two servers that gave one would never stop.
  if (header.isResponse) return 'dropped'
  if (context.access !== 'allow') return deny(context)
  if (header.opcode !== OPCODE_QUERY) return refuse(context, Rcode.NOTIMP)
  if (header.questionCount !== 1) return refuseQuestionCount(context)
  if (!context.question.read(reader, settings.index.seed)) return refuse(context, Rcode.FORMERR)
  context.hasQuestion = true
  if (!context.edns.read(reader, header)) return refuse(context, Rcode.FORMERR)
  // RFC 6891 §6.1.3: BADVERS says which version we know, and nothing else of the query counts.
  if (context.edns.version !== EDNS_VERSION) return refuse(context, Rcode.BADVERS)
  if (context.edns.hasCookie && settings.cookies !== undefined && context.edns.isCookieMalformed) {
    // RFC 7873 §5.2.2.
    return refuse(context, Rcode.FORMERR)
  }
  // RFC 7871 §7.1.2, whoever has sent it.
  if (context.edns.hasSubnet && settings.subnetSources !== undefined && context.edns.isSubnetMalformed) {
    return refuse(context, Rcode.FORMERR)
  }
  return screenQuestion(context)
}

/** What is read of the query is what the refusal repeats. `limit` comes here over streams alone. */
function deny(context: QueryContext): Verdict {
  const { edns, header, question, reader, settings } = context
  if (context.access === 'drop') return 'dropped'
  if (header.opcode === OPCODE_QUERY && header.questionCount === 1 && question.read(reader, settings.index.seed)) {
    context.hasQuestion = true
    edns.read(reader, header)
  }
  context.extendedError = ExtendedError.PROHIBITED
  return refuse(context, Rcode.REFUSED)
}

/** RFC 9619 §4: a query has one question. Without any, the records begin behind the header, and an OPT among them gets its answer. */
function refuseQuestionCount(context: QueryContext): Verdict {
  const { edns, header, reader, settings } = context
  if (header.questionCount === 0 && edns.read(reader, header) && edns.version === EDNS_VERSION) {
    // RFC 7873 §5.4: a client may ask for a cookie alone.
    if (edns.hasCookie && settings.cookies !== undefined && !edns.isCookieMalformed) return 'answered'
  }
  return refuse(context, Rcode.FORMERR)
}

function screenQuestion(context: QueryContext): Verdict {
  const { question, settings } = context
  if (question.class === CLASS_CH) return 'chaos'
  if (question.class !== CLASS_IN) return refuseUnsupported(context)
  switch (question.type) {
    // RFC 6891 §6.1.1: an OPT record is not part of any zone.
    case Type.OPT:
      return refuse(context, Rcode.FORMERR)
    // RFC 5936 §4.2 has no AXFR over UDP, and we transfer nothing.
    case Type.AXFR:
    case Type.IXFR:
      return refuseUnsupported(context)
    default:
  }
  if (!settings.index.loaded) {
    context.extendedError = ExtendedError.NOT_READY
    return refuse(context, Rcode.SERVFAIL)
  }
  return 'accepted'
}

function refuseUnsupported(context: QueryContext): 'answered' {
  context.extendedError = ExtendedError.NOT_SUPPORTED
  return refuse(context, Rcode.REFUSED)
}

function refuse(context: QueryContext, rcode: number): 'answered' {
  context.rcode = rcode
  return 'answered'
}
