import type { RowAnswer, Transport } from 'aerospike-utxo-store'

type Answer = Awaited<ReturnType<Transport['batchOperate']>>

export interface TransportFault {
  readonly name: string
  /** A transport that is faulty in front of a good one. */
  wrap(good: Transport): Transport
  /** What the caller of an operation sees: success where the fault loses nothing, else a typed error; either where it may be another caller's row. */
  readonly mayBe: 'success' | 'failure' | 'either'
}

function changing(change: (answers: Answer) => unknown): (good: Transport) => Transport {
  return good => ({
    async batchOperate(rows, options) {
      return change(await good.batchOperate(rows, options)) as Answer
    },
  })
}

/** Every way in which a transport can betray its callers (issue of stage A, "It is done when"). */
export const TRANSPORT_FAULTS: readonly TransportFault[] = [
  {
    name: 'throws synchronously',
    mayBe: 'failure',
    wrap: () => ({
      batchOperate() {
        throw new TypeError('thrown at once')
      },
    }),
  },
  {
    name: 'rejects',
    mayBe: 'failure',
    wrap: () => ({ batchOperate: () => Promise.reject(new Error('rejected')) }),
  },
  {
    name: 'rejects with undefined',
    mayBe: 'failure',
    wrap: () => ({ batchOperate: () => Promise.reject(undefined) }),
  },
  { name: 'hangs', mayBe: 'failure', wrap: () => ({ batchOperate: () => new Promise(() => {}) }) },
  {
    name: 'applies the batch and never answers',
    mayBe: 'failure',
    wrap: good => ({
      batchOperate: async (rows, options) => {
        await good.batchOperate(rows, options)
        return new Promise(() => {})
      },
    }),
  },
  { name: 'answers with nothing', mayBe: 'failure', wrap: changing(() => []) },
  { name: 'answers with undefined', mayBe: 'failure', wrap: changing(() => undefined) },
  {
    name: 'answers with holes and foreign things',
    mayBe: 'failure',
    wrap: changing(answers => answers.flatMap(() => [undefined, null, 7, {}])),
  },
  { name: 'leaves out the last row', mayBe: 'either', wrap: changing(answers => answers.slice(0, -1)) },
  { name: 'leaves out the first row', mayBe: 'either', wrap: changing(answers => answers.slice(1)) },
  {
    name: 'answers for rows that were not asked',
    mayBe: 'failure',
    wrap: changing(answers => answers.map(shifted(1_000))),
  },
  { name: 'answers in reverse order', mayBe: 'success', wrap: changing(answers => [...answers].reverse()) },
  { name: 'answers each row twice', mayBe: 'success', wrap: changing(answers => [...answers, ...answers]) },
  {
    name: 'answers every row with a device overload',
    mayBe: 'failure',
    wrap: changing(answers => answers.map(failing(18))),
  },
  {
    name: 'answers every row with a timeout in doubt',
    mayBe: 'failure',
    wrap: changing(answers => answers.map(failing(9))),
  },
]

function shifted(by: number): (answer: RowAnswer) => RowAnswer {
  return answer => ({ ...answer, index: answer.index + by })
}

function failing(status: number): (answer: RowAnswer) => RowAnswer {
  return answer => ({ ...answer, status, bins: undefined, inDoubt: status === 9 })
}
