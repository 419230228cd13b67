/** Counters of a server, for the info command `statistics`. */
export class ServiceStatistics {
  connectionsOpened = 0
  connectionsClosed = 0
  infoComplete = 0
  batchComplete = 0
  batchErrors = 0
  /** Frames and messages that were no protocol. */
  demarshalErrors = 0
}
