import { afterEach, expect, it, jest } from '@jest/globals'
import { InvalidArgumentError } from '../../../lib/errors/index.ts'
import type { BatchRow } from '../../../lib/transport/index.ts'
import { BatchRun } from '../../../lib/transport/wire/batch-run.ts'
import { WireNode } from '../../../lib/transport/wire/node.ts'
import { BatchRequestBytes } from '../../../lib/transport/wire/request.ts'

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
    { timeoutMs: 1_000, attemptTimeoutMs: 1_000, maxRetries: 0, signal: undefined },
  )
  await expect(run.answers()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  expect(taken).toHaveLength(2)
  expect(take).not.toHaveBeenCalled()
})
