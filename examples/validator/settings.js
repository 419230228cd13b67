// What the processes of the example have to agree on. `main.js` passes it to the others.

/**
 * @typedef {object} Settings
 * @property {string} storeUrl
 * @property {string} folder for everything that outlives a process: the feed, its offsets, the files of subtrees
 * @property {number} blocks of the sample
 * @property {boolean} withFixtures
 * @property {KafkaTopic | undefined} [kafka] where the feed goes, instead of files
 */

/**
 * @typedef {object} KafkaTopic
 * @property {string[]} brokers
 * @property {string} topic
 */

/** One reader, one group: each process with a cache of its own needs all that is published. */
export const READER_GROUP = 'reader'

/** Many calls at a time fill batches, so that none has to wait long for company. */
export const STORE_SETTINGS = {
  storeBatcherDurationMillis: 2,
  spendBatcherDurationMillis: 2,
  outpointBatcherDurationMillis: 2,
  getBatcherDurationMillis: 2,
}

export const LAST_HEIGHT = 'last-height'

/**
 * Set of the record that keeps heights: not that of the outputs, but one that belongs to it.
 *
 * @param {string} storeUrl
 */
export function metadataSet(storeUrl) {
  return `${outputsSet(storeUrl)}-state`
}

/** @param {string} storeUrl */
export function outputsSet(storeUrl) {
  return new URL(storeUrl).searchParams.get('set') ?? 'txmeta'
}

/** @returns {Settings} */
export function settingsOfProcess() {
  return JSON.parse(process.argv[2] ?? '{}')
}

/** Where the log of a real process would be. What is told here is that something had to be repeated or was lost. */
export const logger = {
  /** @param {object} _fields @param {string} message */
  warn: (_fields, message) => console.error(message),
  /** @param {object} _fields @param {string} message */
  error: (_fields, message) => console.error(message),
}

/**
 * Tells the process that started this one.
 *
 * @param {object} message
 */
export function tell(message) {
  // Where nobody hears it, this process is about to end.
  process.send?.(message, undefined, undefined, () => {})
}

/** Resolves when this process is told to stop. It ends at once where there is nobody any more to tell it. */
export async function stopped() {
  const end = () => process.exit(1)
  process.once('disconnect', end)
  await new Promise(resolve => process.once('message', resolve))
  process.off('disconnect', end)
}
