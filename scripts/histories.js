// Random concurrent histories, checked afterwards (integration/histories):
//   node scripts/histories.js [--operations N] [--seed S] [--server KIND]
// Prints progress; on a violation the seed and the calls that touch the transaction.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const usage = 'usage: node scripts/histories.js [--operations N] [--seed S] [--server KIND]'

function wholeNumber(name, text) {
  if (/^[1-9]\d{0,8}$/.test(text)) return text
  console.error(`--${name} must be a whole number from 1, got ${text}\n${usage}`)
  process.exit(2)
}

let values
try {
  values = parseArgs({
    options: {
      operations: { type: 'string', default: '1000000' },
      seed: { type: 'string', default: '1' },
      server: { type: 'string', default: 'embedded' },
      help: { type: 'boolean', default: false },
    },
  }).values
} catch (error) {
  console.error(`${error.message}\n${usage}`)
  process.exit(2)
}
if (values.help) {
  console.log(usage)
  process.exit(0)
}

const run = spawnSync(
  process.execPath,
  ['scripts/jest.js', 'integration', '--server', values.server, 'integration/histories'],
  {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: {
      ...process.env,
      UTXO_HISTORY_OPERATIONS: wholeNumber('operations', values.operations),
      UTXO_HISTORY_SEED: wholeNumber('seed', values.seed),
    },
    stdio: 'inherit',
  },
)
process.exit(run.status ?? 1)
