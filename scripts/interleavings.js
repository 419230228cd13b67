// Plays stores against each other, row by row, in many random orders (integration/interleavings):
//   node scripts/interleavings.js [--schedules N] [--seed S] [--scenario TEXT] [--fault NAME] [--server KIND]
// N orders of every scenario with every fault; TEXT and NAME choose those whose names contain them. The same seed plays
// the same orders. On a violation: the rule, and every step of the order that broke it; exit code 1.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const USAGE =
  'usage: node scripts/interleavings.js [--schedules N] [--seed S] [--scenario TEXT] [--fault NAME] [--server KIND]'

function misused(message) {
  console.error(`${message}\n${USAGE}`)
  process.exit(2)
}

function readOptions() {
  try {
    return parseArgs({
      options: {
        schedules: { type: 'string', default: '200' },
        seed: { type: 'string', default: '1' },
        scenario: { type: 'string', default: '' },
        fault: { type: 'string', default: '' },
        server: { type: 'string', default: 'embedded' },
        help: { type: 'boolean', default: false },
      },
    }).values
  } catch (error) {
    return misused(error.message)
  }
}

const { schedules, seed, scenario, fault, server, help } = readOptions()
if (help) {
  console.log(USAGE)
  process.exit(0)
}
for (const [name, text] of Object.entries({ schedules, seed }))
  if (!/^[1-9]\d{0,6}$/.test(text)) misused(`--${name} must be a whole number from 1, got ${text}`)

const literal = text => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
const chosen = scenario === '' && fault === '' ? [] : ['-t', `with .*${literal(fault)}.*${literal(scenario)}`]
const directory = mkdtempSync(join(tmpdir(), 'utxo-interleavings-'))
const file = join(directory, 'result.json')
const run = spawnSync(
  process.execPath,
  [
    ...['scripts/jest.js', 'integration', '--server', server, 'integration/interleavings', ...chosen],
    ...['--json', `--outputFile=${file}`],
  ],
  {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: { ...process.env, UTXO_INTERLEAVING_SCHEDULES: schedules, UTXO_INTERLEAVING_SEED: seed },
    // Jest's document goes to the file; what it says of the tests is on stderr.
    stdio: ['inherit', 'ignore', 'inherit'],
  },
)
const { numTotalTests, numPendingTests } = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}
rmSync(directory, { recursive: true })
if (numTotalTests !== undefined && numTotalTests === numPendingTests)
  misused(`no scenario's name contains "${scenario}" with a fault whose name contains "${fault}"`)
process.exit(run.status ?? 1)
