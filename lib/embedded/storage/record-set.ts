/** A set: a name that records carry, and counters. */
export class RecordSet {
  /** One character per byte (latin1). */
  readonly name: string
  readonly nameBytes: Buffer
  objects = 0
  dataUsedBytes = 0
  /** Records last updated before this time are gone; milliseconds since Aerospike's epoch, 0 = never truncated. */
  truncateBeforeMs = 0
  /** What record_ttl 0 stands for in this set, in seconds; 0 = as the namespace says. */
  defaultTtlSeconds = 0

  constructor(name: string) {
    this.name = name
    this.nameBytes = Buffer.from(name, 'latin1')
  }
}
