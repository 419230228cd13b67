import type { Administration } from '../transport/index.ts'
import type { StoreContext } from './context/store-context.ts'
import { asStoreError, missingAnswerError, rowError } from './store-errors.ts'

export interface Health {
  /** 200: the store can serve. 503: it cannot, `message` says why. */
  readonly status: 200 | 503
  readonly message: string
}

/** Bins and key that the reference's health check uses (semantics 3.19); scanners know to pass the record over. */
const HEALTH_KEY = 'key'
const HEALTH_BIN = 'bin'
const HEALTH_VALUE = 'value'

/** Writes and reads a record, and asks every node whether the namespace takes writes. Bounded in time; never throws. */
export async function checkHealth(
  context: StoreContext,
  administration: Administration,
  namespace: string,
  signal: AbortSignal | undefined,
): Promise<Health> {
  try {
    await writeAndRead(context, signal)
    return await checkNodes(administration, namespace)
  } catch (error) {
    return { status: 503, message: asStoreError(error, 'health check').message }
  }
}

async function writeAndRead(context: StoreContext, signal: AbortSignal | undefined): Promise<void> {
  const key = { set: context.set, userKey: HEALTH_KEY }
  const options = { signal, timeoutMs: context.settings.dbTimeoutDuration, retryOverload: false }
  const write = {
    kind: 'write',
    key,
    exists: 'any',
    operations: [{ kind: 'put', bin: HEALTH_BIN, value: HEALTH_VALUE }],
  } as const
  for (const row of [write, { kind: 'read', key, bins: [HEALTH_BIN] } as const]) {
    const what = `health check, ${row.kind}`
    const [answer] = await context.operate([row], options)
    if (answer === undefined) throw missingAnswerError(what)
    if (answer.status !== 0) throw rowError(what, answer.status, answer.inDoubt)
    if (row.kind === 'read' && answer.bins?.[HEALTH_BIN] !== HEALTH_VALUE)
      throw new Error('the record read back is not the one written')
  }
}

async function checkNodes(administration: Administration, namespace: string): Promise<Health> {
  const nodes = await administration.infoOfNodes(`namespace/${namespace}`)
  if (nodes.length === 0) return { status: 503, message: 'no node of the cluster answers' }
  for (const { node, answer } of nodes) {
    const stopped = ['stop_writes', 'clock_skew_stop_writes'].find(flag =>
      answer.split(';').includes(`${flag}=true`),
    )
    if (stopped !== undefined)
      return { status: 503, message: `node ${node} refuses writes to ${namespace}: ${stopped}` }
  }
  return {
    status: 200,
    message: `${nodes.length} node${nodes.length === 1 ? '' : 's'}, namespace ${namespace}`,
  }
}
