import {
  ByteWriter,
  decodeParticle,
  INFO1,
  INFO2,
  type Message,
  OPERATION_CODES,
  type OperationInit,
  PARTICLE_TYPES,
  RESULT_CODES,
  type Value,
  writeListHeader,
  writeValue,
} from '../../../../lib/protocol/index.ts'
import { keyFields, TestNode } from '../../support/test-node.ts'

/** An argument that no value stands for: a marker, or a list or map with flags. */
export class Msgpack {
  readonly bytes: Buffer

  constructor(hex: string) {
    this.bytes = Buffer.from(hex, 'hex')
  }
}

export const WILDCARD = new Msgpack('d4ff00')
export const INFINITY = new Msgpack('d4ff01')

export type Argument = Value | Msgpack | readonly Argument[]

function writeArgument(writer: ByteWriter, argument: Argument): void {
  if (argument instanceof Msgpack) writer.bytes(argument.bytes)
  else if (Array.isArray(argument)) {
    writeListHeader(writer, argument.length)
    for (const element of argument) writeArgument(writer, element)
  } else writeValue(writer, argument as Value)
}

export function msgpack(argument: Argument): Buffer {
  const writer = new ByteWriter()
  writeArgument(writer, argument)
  return Buffer.from(writer.view())
}

export const inContext = (context: Argument, ...operation: Argument[]): Argument[] => [
  0xff,
  context,
  operation,
]

/** Bins to begin with: particle type and bytes. */
export interface Start {
  readonly type: number
  readonly value: Buffer
}

export const list = (...elements: Argument[]): Start => ({
  type: PARTICLE_TYPES.LIST,
  value: msgpack(elements),
})
export const hexList = (hex: string): Start => ({ type: PARTICLE_TYPES.LIST, value: Buffer.from(hex, 'hex') })
export const hexMap = (hex: string): Start => ({ type: PARTICLE_TYPES.MAP, value: Buffer.from(hex, 'hex') })
export const blob = (hex: string): Start => ({ type: PARTICLE_TYPES.BLOB, value: Buffer.from(hex, 'hex') })

/** What an operation answered: a value, `NOTHING` for no bin, or the name of a result code. */
export const NOTHING = 'nothing'
export type Outcome = Value | { readonly resultCode: number }

export interface Run {
  readonly answer: Outcome
  /** Hex of the bin afterwards; `undefined` for none. */
  readonly after: string | undefined
}

const MODIFIES: ReadonlySet<number> = new Set([OPERATION_CODES.CDT_MODIFY, OPERATION_CODES.BITS_MODIFY])

/** Runs one operation on a bin `b` of a record that has another bin, too. */
export function run(
  code: number,
  start: Start | undefined,
  payload: Argument | Buffer,
  respondAll = false,
): Run {
  const node = new TestNode()
  const operations: OperationInit[] = [
    { code: OPERATION_CODES.WRITE, name: 'z', particleType: 1, value: Buffer.alloc(8) },
  ]
  if (start !== undefined) {
    operations.push({ code: OPERATION_CODES.WRITE, name: 'b', particleType: start.type, value: start.value })
  }
  const put = node.send({ info2: INFO2.WRITE, fields: keyFields('k'), operations })
  if (put.resultCode !== RESULT_CODES.OK) throw new Error(`put answered ${put.resultCode}`)
  const reply = node.send({
    info1: MODIFIES.has(code) ? 0 : INFO1.READ,
    info2: (MODIFIES.has(code) ? INFO2.WRITE : 0) | (respondAll ? INFO2.RESPOND_ALL_OPS : 0),
    fields: keyFields('k'),
    operations: [
      {
        code,
        name: 'b',
        particleType: PARTICLE_TYPES.BLOB,
        value: Buffer.isBuffer(payload) ? payload : msgpack(payload),
      },
    ],
  })
  const after = node.get('k').operations.find(({ name }) => name === 'b')
  return { answer: outcome(reply), after: after?.value.toString('hex') }
}

function outcome({ resultCode, operations: [answer] }: Message): Outcome {
  if (resultCode !== RESULT_CODES.OK) return { resultCode }
  if (answer === undefined) return NOTHING
  return decodeParticle(answer.particleType, answer.value)
}

export const read = (start: Start | undefined, ...operation: Argument[]): Outcome =>
  run(OPERATION_CODES.CDT_READ, start, operation).answer
export const modify = (start: Start | undefined, ...operation: Argument[]): Run =>
  run(OPERATION_CODES.CDT_MODIFY, start, operation)
