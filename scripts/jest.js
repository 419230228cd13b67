// Runs Jest on one or both suites: node scripts/jest.js unit|integration [--server KIND] [--transport NAME] [--minutes N] [jest arguments]
// `--server embedded|container|aerospike://host:port/namespace` chooses where the integration tests get
// their Aerospike; it reaches them as UTXO_TEST_SERVER (see integration/servers/server.ts).
// `--minutes N` kills a suite that does not end by then, so that whoever waits for it hears of it.
// `--transport wire|client` forces what carries the batches of their stores; by itself a store chooses.
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'

const CONFIGS = { unit: 'jest.config.js', integration: 'jest.integration.config.js' }

const [suite, ...rest] = process.argv.slice(2)
const config = CONFIGS[suite]
if (config === undefined) {
  console.error(
    `usage: node scripts/jest.js ${Object.keys(CONFIGS).join('|')} [--server KIND] [--transport NAME] [--minutes N] [jest arguments]`,
  )
  process.exit(2)
}

const env = { ...process.env }
const server = takeOption('--server', 'embedded, container, or aerospike://host:port/namespace')
if (server !== undefined) env.UTXO_TEST_SERVER = server
const transport = takeOption('--transport', 'wire, client, or auto')
if (transport !== undefined) env.UTXO_TEST_TRANSPORT = transport
const minutes = takeOption('--minutes', 'after how many of them the suite is killed')

function takeOption(option, values) {
  const at = rest.indexOf(option)
  if (at < 0) return undefined
  const value = rest[at + 1]
  if (value === undefined) {
    console.error(`${option} needs a value: ${values}`)
    process.exit(2)
  }
  rest.splice(at, 2)
  return value
}

const jest = createRequire(import.meta.url).resolve('jest/bin/jest')
const root = fileURLToPath(new URL('..', import.meta.url))
const run = spawnSync(
  process.execPath,
  ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', jest, '--config', config, ...rest],
  { cwd: root, env, stdio: 'inherit', timeout: minutes && minutes * 60_000, killSignal: 'SIGKILL' },
)
if (run.error !== undefined) console.error(`the ${suite} suite: ${run.error.message}`)
// As a shell tells it: scripts/histories.js counts crashes by it.
process.exit(run.status ?? 128 + (constants.signals[run.signal] ?? 0))
