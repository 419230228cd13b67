/** Few transactions in small batches: what is tested is not how fast they are. */
export const FEW = [
  '--transactions',
  '60',
  '--rounds',
  '1',
  '--warm-up',
  '1',
  '--batch-size',
  '30',
  '--concurrency',
  '60',
]
/** One transport and its rounds, nothing else. */
export const BRIEF = [...FEW, '--transport', 'client', '--lone-calls', '0', '--no-half-load']
