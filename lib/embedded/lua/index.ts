export type { LogLevel, LogSink } from './log.ts'
export {
  LuaRuntime,
  type LuaRuntimeOptions,
  type RegisteredModule,
  type Registration,
} from './lua-runtime.ts'
export type {
  AggregateOutcome,
  NamedParticle,
  Particle,
  UdfChange,
  UdfOutcome,
  UdfRecord,
} from './udf-record.ts'
