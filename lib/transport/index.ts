export { RESULT_CODES } from '../protocol/index.ts'
export type { Administration } from './administration.ts'
export { type AlignedAnswers, alignAnswers } from './align-answers.ts'
export { statusText } from './result-status.ts'
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
