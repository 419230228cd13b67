import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import {
  type BatchRowInit,
  encodeBatch,
  FIELD_TYPES,
  INFO1,
  INFO2,
  INFO3,
  type Message,
  OPERATION_CODES,
  type OperationInit,
  PARTICLE_TYPES,
  recordDigest,
  userKey,
} from '../../../lib/protocol/index.ts'
import { keyFields, SET, TestNode } from '../support/test-node.ts'

const { INTEGER, DOUBLE, STRING, BLOB, BOOLEAN, LIST, MAP, NULL } = PARTICLE_TYPES

const bytes = fc.uint8Array({ maxLength: 12 }).map(value => Buffer.from(value))
const eight = fc.uint8Array({ minLength: 8, maxLength: 8 }).map(value => Buffer.from(value))
const hex = (text: string) => Buffer.from(text, 'hex')

const particle: fc.Arbitrary<{ type: number; value: Buffer }> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ type: fc.constantFrom(INTEGER, DOUBLE), value: eight }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constantFrom(STRING, BLOB), value: bytes }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(hex('00'), hex('01')).map(value => ({ type: BOOLEAN, value })),
  },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom(hex('90'), hex('9201a20361'), hex('92a20361c0'))
      .map(value => ({ type: LIST, value })),
  },
  // Wrong widths, longer forms, lists that are none, types that nobody knows.
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constantFrom(INTEGER, BOOLEAN, LIST, MAP, NULL, 99), value: bytes }),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(hex('91cc01'), hex('92c70001')).map(value => ({ type: LIST, value })),
  },
)

const operation: fc.Arbitrary<OperationInit> = fc
  .tuple(
    particle,
    fc.oneof(
      { weight: 30, arbitrary: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz') },
      { weight: 1, arbitrary: fc.constantFrom('', 'fifteen letters', 'sixteen letters!', 'n\0l') },
    ),
    fc.oneof(
      { weight: 40, arbitrary: fc.constant(OPERATION_CODES.WRITE) },
      { weight: 1, arbitrary: fc.constantFrom(OPERATION_CODES.INCREMENT, OPERATION_CODES.TOUCH) },
    ),
  )
  .map(([{ type, value }, name, code]) => ({ code, particleType: type, name, value }))

const request = fc.record({
  operations: fc.array(operation, { maxLength: 6 }),
  info1: fc.constantFrom(0, 0, 0, INFO1.READ),
  info2: fc.constantFrom(0, INFO2.RESPOND_ALL_OPS, INFO2.CREATE_ONLY, INFO2.GENERATION),
  info3: fc.constantFrom(0, 0, 0, INFO3.UPDATE_ONLY, INFO3.CREATE_OR_REPLACE),
  generation: fc.constantFrom(0, 1),
})

/** What counts of a reply. */
function answer(reply: Message | undefined) {
  return [reply?.resultCode, reply?.generation, reply?.recordTtl, reply?.operations]
}

/** A record as a request leaves it, which is then gone again. */
function outcome(node: TestNode, send: () => Message | undefined) {
  const bytesBefore = node.namespace.dataUsedBytes
  const reply = send()
  const left = {
    reply: answer(reply),
    record: answer(node.get('k')),
    bytes: node.namespace.dataUsedBytes - bytesBefore,
  }
  node.namespace.remove(recordDigest(SET, userKey('k')))
  return left
}

function sendInBatch(node: TestNode, row: BatchRowInit): Message | undefined {
  const data = encodeBatch([row], 0)
  return node.sendAll({ info1: INFO1.BATCH, fields: [{ type: FIELD_TYPES.BATCH, data }] })[0]
}

describe('a record that is created in a batch', () => {
  it('is what a message makes of the same operations, and so is the reply', () => {
    const [namespace, set, digest] = keyFields('k')
    if (namespace === undefined || set === undefined || digest === undefined) throw new Error('three fields')
    const node = new TestNode()
    fc.assert(
      fc.property(request, init => {
        const info2 = init.info2 | INFO2.WRITE
        const alone = outcome(node, () => node.send({ ...init, info2, fields: [namespace, set, digest] }))
        const inBatch = outcome(node, () =>
          sendInBatch(node, { ...init, info2, digest: digest.data, fields: [namespace, set] }),
        )
        expect(inBatch).toEqual(alone)
      }),
      { numRuns: 700 },
    )
  })
})
