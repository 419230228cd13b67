export { RESULT_CODES } from '../protocol/index.ts'
export { type AlignedAnswers, alignAnswers } from './align-answers.ts'
export { type Administration, ClientAdministration } from './client/administration.ts'
export { ClientTransport, type ClientTransportOptions } from './client/client-transport.ts'
export {
  type ClientConnection,
  type ConnectionOptions,
  connectClient,
  type Host,
} from './client/connection.ts'
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
