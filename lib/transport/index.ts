export { RESULT_CODES } from '../protocol/index.ts'
export type { Administration, IndexDefinition, IndexState } from './administration.ts'
export { type AlignedAnswers, alignAnswers } from './align-answers.ts'
export { BatchError } from './batch-error.ts'
export { checkArguments } from './check-arguments.ts'
export { ConnectionPermits, permitCount } from './connection-permits.ts'
export type { Comparison, Filter, FilterValue } from './filter.ts'
export { NothingSentError } from './nothing-sent-error.ts'
export { OverloadRetry, type OverloadRetryOptions } from './overload-retry.ts'
export {
  type PartitionRange,
  type Queries,
  QueryError,
  type QueryOptions,
  type QueryRecord,
  type QueryRequest,
} from './queries.ts'
export { digestOf } from './record-digest.ts'
export { CLIENT_STATUS, isInfrastructureFailure, isOverload, statusText } from './result-status.ts'
export type {
  ExecuteRow,
  Parameter,
  ParameterType,
  StatementCase,
  StatementOperation,
  StatementValue,
  WriteStatement,
} from './statement.ts'
export type {
  ApplyRow,
  BatchOptions,
  BatchRow,
  Bins,
  BinValue,
  ExistsPolicy,
  ReadRow,
  RecordKey,
  RemoveRow,
  RowAnswer,
  Transport,
  WriteOperation,
  WriteRow,
} from './transport.ts'
