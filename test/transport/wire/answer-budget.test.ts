import { createServer, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from '@jest/globals'
import {
  BatchRequest,
  encodeFrame,
  encodeMessage,
  FRAME_TYPES,
  FrameReader,
  INFO3,
  OPERATION_CODES,
  PARTICLE_TYPES,
} from '../../../lib/protocol/index.ts'
import type { BatchRow } from '../../../lib/transport/index.ts'
import { AnswerBudget, AnswerTooLargeError } from '../../../lib/transport/wire/answer-budget.ts'
import { BatchRun } from '../../../lib/transport/wire/batch-run.ts'
import { WireNode } from '../../../lib/transport/wire/node.ts'
import { BatchRequestBytes } from '../../../lib/transport/wire/request.ts'
import { decodeBins } from '../../../lib/transport/wire/value-decoding.ts'

interface Value {
  readonly particleType: number
  readonly value: Buffer
}

/** Elements of one byte each; a hundred times as much in memory. */
function listOf(count: number, byte = 0xa0): Value {
  const value = Buffer.alloc(5 + count, byte)
  value[0] = 0xdd
  value.writeUInt32BE(count, 1)
  return { particleType: PARTICLE_TYPES.LIST, value }
}

function mapOf(pairs: number): Value {
  const value = Buffer.alloc(5 + 2 * pairs)
  value[0] = 0xdf
  value.writeUInt32BE(pairs, 1)
  return { particleType: PARTICLE_TYPES.MAP, value }
}

const blobOf = (bytes: number): Value => ({ particleType: PARTICLE_TYPES.BLOB, value: Buffer.alloc(bytes) })

function answerTo(index: number, value: Value): Buffer {
  const bin = { code: OPERATION_CODES.READ, name: 'b', ...value }
  return encodeFrame(FRAME_TYPES.MESSAGE, encodeMessage({ transactionTtl: index, operations: [bin] }))
}

const NIL = Buffer.from([0xc0])
const NODE_OPTIONS = { connectionsMax: 4, connectionsMin: 0, connectTimeoutMs: 1_000 }
/** What comes before the rows of a batch: the message's header, and the field's. */
const BATCH_AT = 22 + 5

const END = encodeFrame(FRAME_TYPES.MESSAGE, encodeMessage({ info3: INFO3.LAST }))

/** A list of blobs, as records have them for their outputs. */
function outputs(count: number, bytes: number): Value {
  const output = Buffer.concat([Buffer.from([0xc4, 1 + bytes, PARTICLE_TYPES.BLOB]), Buffer.alloc(bytes, 7)])
  const header = listOf(0).value
  header.writeUInt32BE(count, 1)
  return {
    particleType: PARTICLE_TYPES.LIST,
    value: Buffer.concat([header, ...new Array<Buffer>(count).fill(output)]),
  }
}

function decoded({ particleType, value }: Value, budget?: AnswerBudget): unknown {
  const header = Buffer.from([0, 0, 0, 0, OPERATION_CODES.READ, particleType, 0, 1, 0x62])
  header.writeUInt32BE(header.length - 4 + value.length)
  const bytes = Buffer.concat([header, value])
  return decodeBins({ bytes, operationsStart: 0, operationCount: 1 }, budget).b
}

describe('one record', () => {
  it.each([
    ['a list of empty blobs', listOf(16_000_000)],
    ['a list of empty maps', listOf(16_000_000, 0x80)],
    ['a map of small integers', mapOf(8_000_000)],
  ])('of nearly 16 MiB that is %s is refused before it takes memory', (_, value) => {
    const before = process.memoryUsage().heapUsed
    expect(() => decoded(value)).toThrow(AnswerTooLargeError)
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(8 * 1024 * 1024)
  })

  it('of 8 MiB is read, whether it is a blob or outputs throughout', () => {
    expect(decoded(blobOf(8_388_608))).toHaveLength(8_388_608)
    expect(decoded(outputs(239_000, 32))).toHaveLength(239_000)
  })

  it('counts blobs by their bytes', () => {
    const budget = new AnswerBudget()
    const blob = blobOf(8_388_608)
    for (let read = 0; read < 63; read++) decoded(blob, budget)
    expect(() => decoded(blob, budget)).toThrow(AnswerTooLargeError)
  })

  it('counts the names of a map, too, which are longer than their blobs', () => {
    const { value } = mapOf(1)
    const key = Buffer.alloc(5 + 1_000_000, 0xff)
    key[0] = 0xc6
    key.writeUInt32BE(1_000_000, 1)
    const map = { particleType: PARTICLE_TYPES.MAP, value: Buffer.concat([value.subarray(0, 5), key, NIL]) }
    const budget = new AnswerBudget()
    const readAll = (): void => {
      // A hundred names of 4 MB are not yet too much, two hundred are, and of bytes alone so many would be nothing.
      for (let record = 0; record < 200; record++) decoded(map, budget)
    }
    expect(readAll).toThrow(AnswerTooLargeError)
  })
})

it('8,192 records of 300 spent outputs each are read', () => {
  const budget = new AnswerBudget()
  const record = outputs(300, 68)
  for (let read = 0; read < 8_192; read++) expect(decoded(record, budget)).toHaveLength(300)
})

describe('a batch', () => {
  let server: Server
  let node: WireNode

  afterEach(async () => {
    node.close()
    await new Promise(resolve => server.close(resolve))
  })

  /** Serves batches as it is told, and tells how many came, and on how many connections. */
  async function served(answer: (socket: Socket, rows: readonly number[]) => void) {
    const seen = { requests: 0, connections: 0 }
    server = createServer(socket => {
      seen.connections += 1
      const reader = new FrameReader()
      socket.on('error', () => {})
      socket.on('data', bytes => {
        reader.push(bytes as Buffer)
        for (let frame = reader.next(); frame !== undefined; frame = reader.next()) {
          seen.requests += 1
          const rows = new BatchRequest(frame.body.subarray(BATCH_AT)).rows()
          answer(
            socket,
            Array.from(rows, ({ index }) => index),
          )
        }
      })
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0
    node = new WireNode('A0', { host: '127.0.0.1', port }, NODE_OPTIONS)
    return seen
  }

  const read: BatchRow = { kind: 'read', key: { set: 's', userKey: 'a' }, bins: 'all' }
  const apply: BatchRow = { kind: 'apply', key: read.key, module: 'm', function: 'f', args: [] }

  const answersTo = (rows: readonly BatchRow[]) =>
    new BatchRun(
      rows,
      {
        nodeFor: () => node,
        digest: () => 'd'.repeat(20),
        suspectOwners: () => {},
        takeBytes: () => new BatchRequestBytes('ns'),
        giveBackBytes: () => {},
        takeIndexes: () => 0,
      },
      { timeoutMs: 20_000, attemptTimeoutMs: 20_000, maxRetries: 5, pauseMsMax: 0, signal: undefined },
    ).answers()

  it('whose rows take too much together keeps the answers before, and ends the connection', async () => {
    const seen = await served((socket, rows) => {
      for (const index of rows) socket.write(answerTo(index, listOf(1_300_000)))
      socket.write(END)
    })
    const answers = await answersTo([read, apply, read, apply, read])
    expect(answers).toMatchObject([
      { status: 0 },
      { status: 0 },
      { status: 0 },
      { status: -1, bins: undefined, inDoubt: true },
      { status: -1, bins: undefined, inDoubt: false },
    ])
    expect(seen).toEqual({ requests: 1, connections: 1 })
    expect(node.connections).toEqual({ busy: 0, idle: 0 })
  })

  it('whose attempts take too much together ends, too', async () => {
    const seen = await served((socket, rows) => {
      const [first = 0, second = 0] = rows
      socket.write(answerTo(first, listOf(1_300_000)))
      socket.end(answerTo(second, listOf(1_300_000)))
    })
    const answers = await answersTo([read, read, read, read, read, read])
    expect(answers.map(({ status }) => status)).toEqual([0, 0, 0, -1, -1, -1])
    expect(seen.requests).toBe(2)
  })

  it('that is refused for it as a whole says why', async () => {
    await served((socket, rows) => {
      for (const index of rows) socket.write(answerTo(index, listOf(16_000_000)))
    })
    await expect(answersTo([read])).rejects.toMatchObject({ status: -1 })
    await expect(answersTo([read])).rejects.toThrow('536870912 bytes of memory')
  })
})
