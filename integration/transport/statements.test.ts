import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type BatchRow, UtxoStore } from 'aerospike-utxo-store'
import { storeUrl, type TestServer, testedTransports, testServer, uniqueSet } from '../servers/server.ts'

type Write = Extract<BatchRow, { kind: 'write' }>
type WriteStatement = Extract<BatchRow, { kind: 'execute' }>['statement']

type Operation = WriteStatement['operations'][number]

const OP_NOT_APPLICABLE = 26
const FILTERED_OUT = 27
const NOT_FOUND = 2

const addTo = (bin: string, value: number): Operation => ({
  kind: 'choose',
  bin,
  cases: [
    { when: { compare: 'ge', left: { intBin: bin }, right: 0 }, result: { sum: [{ intBin: bin }, value] } },
  ],
})

describe.each(testedTransports)('through the %s transport', transport => {
  const set = uniqueSet('statements')
  let server: TestServer
  let store: UtxoStore

  beforeAll(async () => {
    server = await testServer()
    store = await UtxoStore.open(storeUrl(server, { set, transport }))
  })

  afterAll(async () => {
    await store.close()
    await server.close()
  })

  const keyOf = (name: string) => ({ set, userKey: name })
  const write = (name: string, operations: Write['operations']): Write => ({
    kind: 'write',
    key: keyOf(name),
    exists: 'any',
    operations,
  })
  const statuses = async (...rows: BatchRow[]) =>
    (await store.transport.batchOperate(rows, { timeout: 5_000 })).map(({ status }) => status)
  async function read(name: string): Promise<unknown> {
    const row = { kind: 'read', key: keyOf(name), bins: 'all' } as const
    const [answer] = await store.transport.batchOperate([row], { timeout: 5_000 })
    return answer?.bins
  }

  describe('statements', () => {
    const change = {
      name: 'change',
      parameters: [{ type: 'int' }, { type: 'blob', bytes: 2 }, { type: 'blob', bytes: 3 }],
      exists: 'update-only',
      filter: {
        and: [
          { compare: 'eq', left: { listBlob: 'l', index: { parameter: 0 } }, right: { parameter: 1 } },
          { compare: 'eq', left: { listCount: 'l', of: { parameter: 1 } }, right: 1 },
          { compare: 'ge', left: { sum: [{ intBin: 'n' }, { parameter: 0 }] }, right: 1 },
        ],
      },
      operations: [
        {
          kind: 'list-set',
          bin: 'l',
          index: { parameter: 0 },
          value: { joined: [{ parameter: 1 }, { parameter: 2 }] },
        },
        { kind: 'list-append', bin: 'm', value: { parameter: 2 } },
        addTo('n', 2),
        { kind: 'put', bin: 'last', value: { parameter: 0 } },
        { kind: 'put', bin: 'made', value: { joined: [{ parameter: 2 }, { parameter: 1 }] } },
        {
          kind: 'choose',
          bin: 'state',
          cases: [
            {
              when: { compare: 'eq', left: { intBin: 'n' }, right: 3 },
              result: { sum: [{ parameter: 0 }, 100] },
            },
          ],
        },
        {
          kind: 'choose',
          bin: 'last',
          cases: [{ when: { compare: 'gt', left: { intBin: 'n' }, right: 3 }, result: 'delete' }],
        },
        { kind: 'unset', bin: 'gone' },
        { kind: 'read', bin: 'n' },
        { kind: 'read', bin: 'nowhere' },
      ],
    } as const satisfies WriteStatement
    const blob = (...values: number[]) => Buffer.from(values)
    const execute = (name: string, args: readonly (number | Uint8Array)[]) =>
      ({ kind: 'execute', key: keyOf(name), statement: change, args }) as const

    it('change what meets their filter, with the arguments of each row', async () => {
      const puts = { l: [blob(1, 1), blob(2, 2)], n: 1, gone: 'x' }
      const operations = Object.entries(puts).map(([bin, value]) => ({ kind: 'put', bin, value }) as const)
      await statuses(write('a', operations), write('b', operations))
      const answers = await store.transport.batchOperate(
        [
          execute('a', [1, blob(2, 2), blob(3, 3, 3)]),
          execute('b', [0, blob(1, 1), blob(4, 4, 4)]),
          execute('b', [0, blob(1, 1), blob(4, 4, 4)]),
          execute('no record', [0, blob(1, 1), blob(4, 4, 4)]),
          execute('b', [1, blob(2, 2), blob(5, 5, 5)]),
        ],
        { timeout: 5_000 },
      )
      expect(answers.map(({ status, bins }) => [status, bins?.n])).toEqual([
        [0, 3],
        [0, 3],
        [FILTERED_OUT, undefined],
        [NOT_FOUND, undefined],
        [0, 5],
      ])
      expect(answers[0]?.bins?.nowhere ?? null).toBeNull()
      expect(await read('a')).toEqual({
        l: [blob(1, 1), blob(2, 2, 3, 3, 3)],
        m: [blob(3, 3, 3)],
        n: 3,
        last: 1,
        made: blob(3, 3, 3, 2, 2),
        state: 101,
      })
      expect(await read('b')).toMatchObject({
        l: [blob(1, 1, 4, 4, 4), blob(2, 2, 5, 5, 5)],
        n: 5,
        state: 100,
      })
      expect(await read('b')).not.toHaveProperty('last')
    })

    it('whose rows share their filter change what meets it, each row of its own record', async () => {
      const names = Array.from({ length: 9 }, (_, index) => `shared ${index}`)
      const counters = names.map((_, index) => (index % 3 === 0 ? 2 : 1))
      await statuses(
        ...names.map((name, index) => write(name, [{ kind: 'put', bin: 'n', value: counters[index] ?? 0 }])),
      )
      const countUp: WriteStatement = {
        name: 'count up',
        parameters: [{ type: 'int' }, { type: 'int' }],
        exists: 'update-only',
        filter: { compare: 'eq', left: { intBin: 'n' }, right: { parameter: 0 } },
        operations: [
          addTo('n', 10),
          { kind: 'put', bin: 'seen', value: { list: [{ parameter: 1 }, { parameter: 0 }] } },
        ],
      }
      const row = (name: string, args: readonly number[]): BatchRow => ({
        kind: 'execute',
        key: keyOf(name),
        statement: countUp,
        args,
      })
      // The same arguments for all, so that rows repeat one another; then some of their own.
      const args = [1, 300] as const
      expect(await statuses(...names.map(name => row(name, args)), row('nowhere', args))).toEqual([
        ...counters.map(counter => (counter === 1 ? 0 : FILTERED_OUT)),
        NOT_FOUND,
      ])
      expect(await statuses(...names.map((name, index) => row(name, [2, index])))).toEqual(
        counters.map(counter => (counter === 2 ? 0 : FILTERED_OUT)),
      )
      // Without one filter for all, each row has its own, or none.
      const read = { kind: 'read', key: keyOf('shared 1'), bins: ['n'] } as const
      expect(await statuses(row('shared 1', [11, 0]), read, row('shared 2', [1, 0]), read)).toEqual([
        0,
        0,
        FILTERED_OUT,
        0,
      ])
      const rows = names.map(name => ({ kind: 'read', key: keyOf(name), bins: 'all' }) as const)
      const answers = await store.transport.batchOperate(rows, { timeout: 5_000 })
      expect(answers.map(({ bins }) => bins)).toEqual(
        names.map((_, index) => {
          if (index === 1) return { n: 21, seen: [0, 11] }
          return index % 3 === 0 ? { n: 12, seen: [index, 2] } : { n: 11, seen: [300, 1] }
        }),
      )
    })

    it('refuse their row where no case of a choice is met that has to be, and change nothing then', async () => {
      const bins = { l: [blob(1, 1), blob(2, 2)], n: 1, word: 'x' }
      const puts = Object.entries(bins).map(([bin, value]) => ({ kind: 'put', bin, value }) as const)
      const names = ['met', 'not met', 'no element', 'no bin', 'another type']
      await statuses(...names.map(name => write(name, puts)))
      const countWhere = (bin: string): WriteStatement => ({
        name: `count ${bin}`,
        parameters: [{ type: 'int' }, { type: 'blob', bytes: 2 }],
        exists: 'update-only',
        filter: { compare: 'eq', left: { intBin: 'n' }, right: 1 },
        operations: [
          // Taken back where the next operation refuses.
          { kind: 'put', bin: 'before', value: { constant: 1 } },
          {
            kind: 'choose',
            bin,
            cases: [
              {
                when: {
                  compare: 'eq',
                  left: { listBlob: 'l', index: { parameter: 0 } },
                  right: { parameter: 1 },
                },
                result: { sum: [{ intBin: bin }, 2] },
              },
            ],
            otherwise: 'refuse',
          },
          { kind: 'put', bin: 'after', value: { parameter: 0 } },
        ],
      })
      const [toN, toNone, toText] = [countWhere('n'), countWhere('none'), countWhere('word')]
      const row = (
        name: string,
        statement: WriteStatement,
        args: readonly (number | Uint8Array)[],
      ): BatchRow => ({
        kind: 'execute',
        key: keyOf(name),
        statement,
        args,
      })
      expect(
        await statuses(
          row('met', toN, [1, blob(2, 2)]),
          row('met', toN, [1, blob(2, 2)]),
          row('not met', toN, [0, blob(2, 2)]),
          row('no element', toN, [7, blob(2, 2)]),
          row('nowhere', toN, [0, blob(1, 1)]),
        ),
      ).toEqual([0, FILTERED_OUT, OP_NOT_APPLICABLE, OP_NOT_APPLICABLE, NOT_FOUND])
      expect(
        await statuses(row('no bin', toNone, [0, blob(1, 1)]), row('another type', toText, [0, blob(1, 1)])),
      ).toEqual([OP_NOT_APPLICABLE, OP_NOT_APPLICABLE])
      expect(await read('met')).toEqual({ ...bins, before: 1, n: 3, after: 1 })
      for (const name of names.slice(1)) expect(await read(name)).toEqual(bins)
    })

    it('refuse other arguments than they ask for', async () => {
      for (const args of [[0], [0, blob(1), blob(1, 2, 3)], [0.5, blob(1, 1), blob(1, 2, 3)]])
        await expect(
          store.transport.batchOperate([execute('a', args)], { timeout: 5_000 }),
        ).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    })
  })
})
