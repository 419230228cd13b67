import { StoreError } from '../../../errors/index.ts'
import type { Exchanges, RequestName, Sample } from '../messages.ts'
import type { OperationName } from '../report.ts'
import { ServerProcess } from '../server-process.ts'
import type { Subject } from '../subject.ts'
import { type RoundTransactions, roundTransactions } from '../transactions.ts'
import { makeCalls } from './calls.ts'
import { settlePrepared } from './garbage.ts'
import { halfLoad } from './half-load.ts'
import { loneCalls } from './lone-calls.ts'
import { measure } from './measure.ts'
import { memoryNow } from './memory.ts'
import { openSubject } from './open-subject.ts'
import { inPasses } from './passes.ts'
import { soakCycle } from './soak-cycle.ts'
import { StoreSubject } from './store-subject.ts'

type Handlers = {
  readonly [Name in RequestName]: (body: Exchanges[Name]['body']) => Promise<Exchanges[Name]['answer']>
}

interface Round {
  readonly warmUp: RoundTransactions
  readonly measured: RoundTransactions
}

/** Measures one subject, request by request; `stopping` ends what it is at. */
export function workerHandlers(stopping: AbortSignal): Handlers {
  let opened: { subject: Subject; server: ServerProcess | undefined } | undefined
  let round: Round | undefined

  const subjectNow = (): Subject => required(opened).subject
  const storeNow = (): StoreSubject => {
    const subject = subjectNow()
    if (!(subject instanceof StoreSubject))
      throw new StoreError('PROCESSING', `${subject.id} is asked for what only a store does`)
    return subject
  }

  return {
    async open(source) {
      const subject = await openSubject(source, stopping)
      const server = source.serverProcess === null ? undefined : new ServerProcess(source.serverProcess)
      opened = { subject, server }
      const { id, title, kind, transport } = subject
      return { id, title, kind, transport }
    },
    async begin({ transactions }) {
      round = { warmUp: roundTransactions(transactions), measured: roundTransactions(transactions) }
      return null
    },
    async measure({ operation }) {
      const { subject, server } = required(opened)
      return measureOperation(subject, operation, required(round), server, stopping)
    },
    async clear() {
      const { warmUp, measured } = required(round)
      round = undefined
      await subjectNow().clear(warmUp)
      await subjectNow().clear(measured)
      return null
    },
    memory: async () => memoryNow(),
    loneCalls: ({ calls }) => loneCalls(storeNow(), calls, stopping),
    halfLoad: body => halfLoad(storeNow(), body, stopping),
    soak: ({ transactions }) => soakCycle(storeNow(), transactions, stopping),
    async close() {
      await opened?.subject.close()
      opened = undefined
      return null
    },
  }
}

/**
 * Does as much unmeasured before. While others were measured this process was idle, for which V8 gives memory back and
 * drops compiled code: the next twenty thousand calls took up to three times as long.
 */
async function measureOperation(
  subject: Subject,
  operation: OperationName,
  { warmUp, measured }: Round,
  server: ServerProcess | undefined,
  stopping: AbortSignal,
): Promise<Sample | null> {
  const warmUpWork = await subject.work(operation, warmUp)
  const once = await subject.work(operation, measured)
  if (warmUpWork === undefined || once === undefined) return null
  const work = inPasses(operation, once)
  settlePrepared()
  await makeCalls(warmUpWork, stopping)
  subject.takeBatchCounts?.()
  const measurement = await measure(work, server, stopping)
  if (measurement === undefined) return null
  const { batches, rows } = subject.takeBatchCounts?.() ?? { batches: 0, rows: 0 }
  return {
    ...measurement,
    records: work.records,
    rowsPerBatch: batches === 0 ? null : rows / batches,
    lingerMs: subject.lingerMs(operation),
  }
}

function required<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new StoreError('PROCESSING', 'a request of the benchmark came out of turn')
  return value
}
