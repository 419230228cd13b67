// What `npm run bench` compares the store with, each loaded in the process that measures it only.

/** @type {import('../dist/cli/bench/subject.js').Yardsticks} */
export const yardsticks = {
  'wire-batches': async options => (await import('./wire-batches.js')).openBatches(options),
  'npm-batches': async options => (await import('./npm-client.js')).openBatches(options),
  'npm-single': async options => (await import('./npm-client.js')).openSingleCalls(options),
}
