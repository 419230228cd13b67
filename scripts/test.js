// The whole test command: build, type check, lint, unit tests, integration tests on the embedded server.
// Every step runs even after a failed one, so that one run shows all that is wrong. Ends with the plain
// line `N passed, M failed` (a failed step that is not a Jest test counts as one failure).
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

// Several times what a suite takes: one that hangs is a failure to hear of, not to wait for.
const SUITE_MINUTES_MAX = '12'

const root = fileURLToPath(new URL('..', import.meta.url))
const results = mkdtempSync(join(tmpdir(), 'utxo-store-test-'))
const serverArguments = process.argv.slice(2)
let passed = 0
let failed = 0
let skipped = 0

function step(title, command, args) {
  console.log(`\n== ${title}`)
  const started = performance.now()
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit' })
  console.log(
    `-- ${title}: ${status === 0 ? 'ok' : 'FAILED'} (${((performance.now() - started) / 1000).toFixed(1)} s)`,
  )
  return status === 0
}

function check(title, args) {
  if (!step(title, 'npm', ['run', '--silent', ...args])) failed += 1
}

function suite(name, extra = []) {
  const file = join(results, `${name}.json`)
  const ok = step(`${name} tests`, process.execPath, [
    'scripts/jest.js',
    name,
    '--minutes',
    SUITE_MINUTES_MAX,
    '--json',
    `--outputFile=${file}`,
    ...extra,
  ])
  let report
  try {
    report = JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    failed += 1
    return
  }
  passed += report.numPassedTests
  skipped += report.numPendingTests + report.numTodoTests
  // A file that cannot be loaded fails no single test, and Jest can fail without any failing test at all.
  const failures = report.numFailedTests + report.numRuntimeErrorTestSuites
  failed += failures === 0 && !ok ? 1 : failures
}

check('build', ['build'])
check('type check', ['typecheck'])
check('lint', ['lint'])
suite('unit')
suite('integration', serverArguments)
rmSync(results, { recursive: true, force: true })

if (skipped > 0) console.log(`\n${skipped} skipped`)
console.log(`\n${passed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)
