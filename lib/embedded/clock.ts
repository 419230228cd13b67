/** 2010-01-01T00:00:00Z in milliseconds since the Unix epoch: where Aerospike's times begin (protocol 11.1). */
export const AEROSPIKE_EPOCH_MS = 1_262_304_000_000

/** Where the server gets the time from; tests pass one that they move. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  nowMs(): number
}

export const systemClock: Clock = { nowMs: () => Date.now() }

/** Milliseconds since Aerospike's epoch: last-update and truncation times. */
export function aerospikeMs(clock: Clock): number {
  return clock.nowMs() - AEROSPIKE_EPOCH_MS
}

/** Whole seconds since Aerospike's epoch: void times. */
export function aerospikeSeconds(clock: Clock): number {
  return Math.floor(aerospikeMs(clock) / 1000)
}
