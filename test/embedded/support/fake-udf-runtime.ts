import { createHash } from 'node:crypto'
import type {
  AggregateOutcome,
  RegisteredModule,
  Registration,
  UdfOutcome,
  UdfRecord,
} from '../../../lib/embedded/lua/index.ts'
import type { UdfRuntime } from '../../../lib/embedded/udf-registry.ts'

/** One call that was made. */
export interface UdfCall {
  readonly moduleName: string
  readonly functionName: string
  readonly record: UdfRecord
  readonly args: Buffer
  readonly timeoutMs: number
}

/** In the place of Lua: answers every call with `outcome`. */
export class FakeUdfRuntime implements UdfRuntime {
  readonly calls: UdfCall[] = []
  outcome: UdfOutcome = {
    kind: 'success',
    value: { type: 0, value: new Uint8Array(0) },
    change: { kind: 'none' },
  }
  aggregateOutcome: AggregateOutcome = { kind: 'success', values: [] }
  isClosed = false
  readonly #modules = new Map<string, RegisteredModule>()

  register(filename: string, source: Uint8Array): Registration {
    if (source.byteLength > 0 && source[0] === 0x21) return { ok: false, line: 3, message: 'bad' }
    const sha1 = createHash('sha1').update(source).digest('hex')
    this.#modules.set(filename, { filename, source, sha1 })
    return { ok: true }
  }

  remove(filename: string): void {
    this.#modules.delete(filename)
  }

  files(): Iterable<RegisteredModule> {
    return this.#modules.values()
  }

  apply(
    moduleName: string,
    functionName: string,
    record: UdfRecord,
    args: Uint8Array,
    timeoutMs: number,
  ): UdfOutcome {
    this.calls.push({ moduleName, functionName, record, args: Buffer.from(args), timeoutMs })
    return this.outcome
  }

  aggregate(): AggregateOutcome {
    return this.aggregateOutcome
  }

  close(): void {
    this.isClosed = true
  }
}
