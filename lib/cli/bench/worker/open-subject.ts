import { UtxoStore } from '../../../index.ts'
import { UsageError } from '../../failure.ts'
import { createLog } from '../../log.ts'
import type { SubjectSource } from '../messages.ts'
import type { Subject } from '../subject.ts'
import { loadYardsticks } from '../yardstick-module.ts'
import { BareSubject } from './bare-subject.ts'
import { StoreSubject } from './store-subject.ts'

/** Opens what this process is to measure. The signal ends what it does before it is measured. */
export async function openSubject(source: SubjectSource, signal: AbortSignal): Promise<Subject> {
  if (source.kind === 'module') {
    const open = (await loadYardsticks(source.path))[source.id]
    if (open === undefined) throw new UsageError(`--yardsticks ${source.path} has no ${source.id}.`)
    return open(source.options)
  }
  const { url, settings, transport } = source
  const { set, concurrency, batchSize } = source.options
  const store = await UtxoStore.open(url, { settings, logger: createLog() })
  const common = { transport, set, concurrency, batchSize }
  const subject = new StoreSubject(store, { id: `store-${transport}`, ...common })
  return source.kind === 'store'
    ? subject
    : new BareSubject(subject, { ...common, set: `${set}-rows` }, signal)
}
