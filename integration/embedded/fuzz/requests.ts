import { encodeFrame, encodeInfoRequest, FRAME_TYPES } from '../../../lib/protocol/index.ts'
import { NAMESPACE, type Request, SET } from './envelope.ts'
import { MODULE_FILENAME } from './lua-module.ts'
import { aggregation, background, query } from './query-requests.ts'
import type { Random } from './random.ts'
import { batch, get, operate, put, remove, udf } from './record-requests.ts'

const RARE_INFO_COMMANDS: readonly [string, ...string[]] = [
  `truncate:namespace=${NAMESPACE};set=${SET}`,
  `sindex-delete:namespace=${NAMESPACE};indexname=fuzz_l`,
  'query-abort-all:',
  'help',
]

const INFO_COMMANDS: readonly [string, ...string[]] = [
  'node',
  'build',
  'statistics',
  `namespace/${NAMESPACE}`,
  `sets/${NAMESPACE}/${SET}`,
  'replicas',
  'peers-clear-std',
  'get-config:context=namespace;namespace=test',
  'set-config:context=namespace;namespace=test;default-ttl=0',
  `sindex-create:namespace=${NAMESPACE};set=${SET};indexname=fuzz_i;bin=i;type=numeric`,
  `sindex-create:namespace=${NAMESPACE};set=${SET};indexname=fuzz_l;indextype=list;bin=l;type=string`,
  `sindex-stat:namespace=${NAMESPACE};indexname=fuzz_i`,
  `sindex-list:namespace=${NAMESPACE}`,
  'udf-list',
  `udf-get:filename=${MODULE_FILENAME}`,
  'query-show',
  'latencies:',
]

const info: Request = random =>
  encodeFrame(
    FRAME_TYPES.INFO,
    encodeInfoRequest(
      random.times(random.integer(1, 3), () =>
        random.pick(random.chance(0.03) ? RARE_INFO_COMMANDS : INFO_COMMANDS),
      ),
    ),
  )

const security: Request = random => encodeFrame(FRAME_TYPES.SECURITY, random.bytes(24))
const compressed: Request = random => encodeFrame(FRAME_TYPES.COMPRESSED, random.bytes(40))

/** Kinds of requests, with how often they are drawn. Enough are put that others find something. */
const WEIGHTS: readonly (readonly [Request, number])[] = [
  [put, 8],
  [get, 2],
  [remove, 1],
  [operate, 16],
  [udf, 4],
  [batch, 4],
  [query, 4],
  [background, 1],
  [aggregation, 1],
  [info, 4],
  [security, 1],
  [compressed, 1],
]
const REQUESTS = WEIGHTS.flatMap(([request, weight]) => new Array<Request>(weight).fill(request))

/** A request as a client might send it: the envelope is sound, what is in it need not be. */
export function anyRequest(random: Random): Buffer {
  return (REQUESTS[random.integer(0, REQUESTS.length - 1)] ?? put)(random)
}
