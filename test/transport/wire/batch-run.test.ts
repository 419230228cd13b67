import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, it, jest } from '@jest/globals'
import { InvalidArgumentError } from '../../../lib/errors/index.ts'
import { BatchRequest } from '../../../lib/protocol/index.ts'
import type { BatchRow } from '../../../lib/transport/index.ts'
import type { RowReceiver } from '../../../lib/transport/wire/answer-reader.ts'
import { BatchRun } from '../../../lib/transport/wire/batch-run.ts'
import type { Connection } from '../../../lib/transport/wire/connection.ts'
import { WireNode } from '../../../lib/transport/wire/node.ts'
import { BatchRequestBytes } from '../../../lib/transport/wire/request.ts'
import { SendFailure } from '../../../lib/transport/wire/send-failure.ts'

afterEach(() => {
  jest.restoreAllMocks()
})

it('sends nothing to any node where the request to one of them is too large', async () => {
  const options = { connectionsMax: 4, connectionsMin: 0, connectTimeoutMs: 1_000 }
  const nodes = ['A0', 'B0'].map(name => new WireNode(name, { host: '127.0.0.1', port: 1 }, options))
  const take = jest.spyOn(WireNode.prototype, 'take')
  jest.spyOn(BatchRequestBytes.prototype, 'checkSize').mockImplementation(function (this: BatchRequestBytes) {
    if (this === taken[1]) throw new InvalidArgumentError('batch', 'fewer bytes', 1)
    return 1
  })
  const taken: BatchRequestBytes[] = []
  const rows = ['a', 'b'].map(
    (userKey): BatchRow => ({ kind: 'write', key: { set: 's', userKey }, exists: 'any', operations: [] }),
  )
  const run = new BatchRun(
    rows,
    {
      nodeFor: row => nodes[rows.indexOf(row)],
      digest: () => 'd'.repeat(20),
      suspectOwners: () => {},
      takeBytes: () => {
        const bytes = new BatchRequestBytes('ns')
        taken.push(bytes)
        return bytes
      },
      giveBackBytes: () => {},
      takeIndexes: () => 0,
    },
    { timeoutMs: 1_000, attemptTimeoutMs: 1_000, maxRetries: 0, pauseMsMax: 500, signal: undefined },
  )
  await expect(run.answers()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  expect(taken).toHaveLength(2)
  expect(take).not.toHaveBeenCalled()
})

it.each([
  // what becomes of the first attempt, whether rows may be sent once only, and attempts in all
  ['notConnected', false, 2],
  ['notConnected', true, 2],
  ['connectionLost', false, 2],
  ['connectionLost', true, 1],
] as const)('after %s, once: %p, it makes %d attempts', async (kind, once, attempts) => {
  const options = { connectionsMax: 4, connectionsMin: 0, connectTimeoutMs: 1_000 }
  const node = new WireNode('A0', { host: '127.0.0.1', port: 1 }, options)
  const take = jest.spyOn(node, 'take').mockRejectedValue(new SendFailure(kind, 'the first attempt fails'))
  const rows: BatchRow[] = [{ kind: 'write', key: { set: 's', userKey: 'a' }, exists: 'any', operations: [] }]
  const run = new BatchRun(
    rows,
    {
      nodeFor: () => node,
      digest: () => 'd'.repeat(20),
      suspectOwners: () => {},
      takeBytes: () => new BatchRequestBytes('ns'),
      giveBackBytes: () => {},
      takeIndexes: () => 0,
    },
    { timeoutMs: 5_000, attemptTimeoutMs: 1_000, maxRetries: 1, pauseMsMax: 500, once, signal: undefined },
  )
  await expect(run.answers()).rejects.toMatchObject({ inDoubt: kind === 'connectionLost' })
  expect(take).toHaveBeenCalledTimes(attempts)
})

describe('an answer', () => {
  interface Row {
    readonly resultCode?: number
    readonly bytes?: Buffer
  }

  /** Answers the rows in order, then the final code; `closed` counts the connections that were given up. */
  function answered(rows: readonly Row[], finalCode: number) {
    const options = { connectionsMax: 4, connectionsMin: 0, connectTimeoutMs: 1_000 }
    const node = new WireNode('A0', { host: '127.0.0.1', port: 1 }, options)
    const close = jest.fn()
    const connection = {
      close,
      exchange: async (_: Buffer, receiver: RowReceiver) => {
        for (const [index, { resultCode = 0, bytes = Buffer.alloc(0) }] of rows.entries()) {
          const operationCount = bytes.length > 0 ? 1 : 0
          receiver.onRow({ bytes, operationsStart: 0, operationCount, resultCode, index, generation: 1 })
        }
        return finalCode
      },
    }
    jest.spyOn(node, 'take').mockResolvedValue(connection as unknown as Connection)
    jest.spyOn(node, 'giveBack').mockImplementation(() => {})
    const suspectOwners = jest.fn()
    const run = (own: readonly BatchRow[], isNodeKnown = true) =>
      new BatchRun(
        own,
        {
          nodeFor: () => (isNodeKnown ? node : undefined),
          digest: () => 'd'.repeat(20),
          suspectOwners,
          takeBytes: () => new BatchRequestBytes('ns'),
          giveBackBytes: () => {},
          takeIndexes: () => 0,
        },
        { timeoutMs: 5_000, attemptTimeoutMs: 1_000, maxRetries: 0, pauseMsMax: 500, signal: undefined },
      ).answers()
    return { run, close, suspectOwners }
  }

  const read: BatchRow = { kind: 'read', key: { set: 's', userKey: 'a' }, bins: 'all' }
  const apply: BatchRow = { kind: 'apply', key: read.key, module: 'm', function: 'f', args: [] }

  it('lesson 4: with a value that is none costs its own row and no other', async () => {
    // Bin `b`, a list of which the second element is missing.
    const bad = Buffer.from([0, 0, 0, 7, 1, 20, 0, 1, 0x62, 0x92, 0x01])
    const { run, close } = answered([{}, { bytes: bad }, {}], 0)
    expect(await run([read, read, read])).toMatchObject([
      { status: 0 },
      { status: -1, inDoubt: false },
      { status: 0 },
    ])
    expect(close).not.toHaveBeenCalled()
    const changed = answered([{ bytes: bad }, {}], 0)
    expect(await changed.run([apply, apply])).toMatchObject([{ status: -1, inDoubt: true }, { status: 0 }])
  })

  it.each([
    ['a refusal of the batch', [], 18],
    ['a refusal of the rest', [{}], 152],
    ['an end without all rows', [{}], 0],
  ])(
    'that is %s ends its connection: the next batch could take what comes twice for its own',
    async (_, rows, code) => {
      const { run, close } = answered(rows, code)
      await run([apply, apply]).catch(() => {})
      expect(close).toHaveBeenCalledTimes(1)
    },
  )

  it('is not waited for where no node is known, and the cluster is looked at', async () => {
    const { run, suspectOwners } = answered([], 0)
    await expect(run([read], false)).rejects.toMatchObject({ inDoubt: false })
    expect(suspectOwners).toHaveBeenCalled()
  })
})

/** How often a node that cannot be reached is tried within 50 ms, eight times at the most. */
async function attemptsWith(pauseMsMax: number): Promise<number> {
  const options = { connectionsMax: 4, connectionsMin: 0, connectTimeoutMs: 1_000 }
  const node = new WireNode('A0', { host: '127.0.0.1', port: 1 }, options)
  const take = jest.spyOn(node, 'take').mockRejectedValue(new SendFailure('notConnected', 'nobody listens'))
  const run = new BatchRun(
    [{ kind: 'read', key: { set: 's', userKey: 'a' }, bins: [] }],
    {
      nodeFor: () => node,
      digest: () => 'd'.repeat(20),
      suspectOwners: () => {},
      takeBytes: () => new BatchRequestBytes('ns'),
      giveBackBytes: () => {},
      takeIndexes: () => 0,
    },
    { timeoutMs: 50, attemptTimeoutMs: 1_000, maxRetries: 7, pauseMsMax, signal: undefined },
  )
  await expect(run.answers()).rejects.toThrow('nobody listens')
  return take.mock.calls.length
}

it('waits longer from attempt to attempt, up to the longest pause', async () => {
  expect(await attemptsWith(0)).toBe(8)
  // After 20 ms, and 40 ms later there is no time left.
  expect(await attemptsWith(500)).toBeLessThanOrEqual(2)
})

describe('rows of more bytes than a request may have', () => {
  const BODY_BYTES_MAX = 400
  /** What comes before the rows: the message's header, the field's, the number of rows and the flags. */
  const ROWS_AT = 8 + 22 + 5

  interface Sent {
    readonly node: string
    readonly bytes: number
    readonly rows: readonly number[]
  }

  /** Answers each row with its generation 7 more than its place, and tells what was sent. */
  function nodesThatAnswer(
    names: readonly string[],
    afterMs = 0,
  ): { nodes: readonly WireNode[]; sent: Sent[] } {
    const sent: Sent[] = []
    const nodes = names.map(
      name =>
        new WireNode(
          name,
          { host: '127.0.0.1', port: 1 },
          { connectionsMax: 1, connectionsMin: 0, connectTimeoutMs: 1 },
        ),
    )
    const busy = new Set<WireNode>()
    jest.spyOn(WireNode.prototype, 'take').mockImplementation(async function (this: WireNode) {
      if (busy.has(this)) throw new Error('two requests at a time for one node')
      busy.add(this)
      const connection = {
        exchange: async (request: Buffer, receiver: RowReceiver) => {
          const rows = Array.from(new BatchRequest(request.subarray(ROWS_AT)).rows(), ({ index }) => index)
          sent.push({ node: this.name, bytes: request.length - 8, rows })
          await delay(afterMs)
          const nothing = { bytes: Buffer.alloc(0), operationsStart: 0, operationCount: 0 }
          for (const index of rows)
            receiver.onRow({ ...nothing, resultCode: 0, index, generation: index + 7 })
          return 0
        },
      }
      return connection as unknown as Connection
    })
    jest.spyOn(WireNode.prototype, 'giveBack').mockImplementation(function (this: WireNode) {
      busy.delete(this)
    })
    return { nodes, sent }
  }

  function run(rows: readonly BatchRow[], nodes: readonly WireNode[], timeoutMs = 1_000): BatchRun {
    const surroundings = {
      nodeFor: (row: BatchRow) => nodes[rows.indexOf(row) % nodes.length],
      digest: () => 'd'.repeat(20),
      suspectOwners: () => {},
      takeBytes: () => new BatchRequestBytes('ns', BODY_BYTES_MAX),
      giveBackBytes: () => {},
      takeIndexes: () => 0,
    }
    const options = { timeoutMs, attemptTimeoutMs: 1_000, maxRetries: 1, pauseMsMax: 500, signal: undefined }
    return new BatchRun(rows, surroundings, options)
  }

  const write = (bytes: number): BatchRow => ({
    kind: 'write',
    key: { set: 's', userKey: 'a' },
    exists: 'any',
    operations: [{ kind: 'put', bin: 'b', value: Buffer.alloc(bytes) }],
  })

  it.each([[['A0']], [['A0', 'B0']]])('go in several to %s, one after the other', async names => {
    const { nodes, sent } = nodesThatAnswer(names)
    const key = { set: 's', userKey: 'a' }
    const removed = Array.from({ length: 40 }, (): BatchRow => ({ kind: 'remove', key }))
    const rows = [write(100), write(100), write(100), write(100), ...removed, write(250)]
    const answers = await run(rows, nodes).answers()
    expect(answers.map(({ generation }) => generation)).toEqual(rows.map((_, place) => place + 7))
    expect(Math.max(...sent.map(({ bytes }) => bytes))).toBeLessThanOrEqual(BODY_BYTES_MAX)
    // Half of that would be too many: requests are filled as far as they go.
    expect(sent.length).toBeLessThanOrEqual(8)
    for (const [at, { name }] of nodes.entries())
      expect(sent.filter(({ node }) => node === name).flatMap(each => each.rows)).toEqual(
        rows.map((_, place) => place).filter(place => place % nodes.length === at),
      )
  })

  it('are refused, all of the batch, where one of them alone is too large', async () => {
    const { nodes, sent } = nodesThatAnswer(['A0'])
    await expect(run([write(300), write(100), write(500)], nodes).answers()).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    })
    expect(sent).toEqual([])
  })

  it('are not sent any more where the time of the batch is over before, and are in no doubt', async () => {
    const { nodes, sent } = nodesThatAnswer(['A0'], 20)
    const answers = await run([write(300), write(300)], nodes, 10).answers()
    expect(sent).toHaveLength(1)
    expect(answers).toMatchObject([{ status: 0 }, { status: 9, inDoubt: false }])
  })
})
