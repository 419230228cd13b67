// The long run of the fuzz test against the built embedded server: node scripts/fuzz.js [--frames N] [--seed N]
// The same seed sends the same frames; a failure names it, and the frame in hex.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const DEFAULT_FRAMES = '200000'

const { values } = parseArgs({
  options: { frames: { type: 'string' }, seed: { type: 'string' } },
})
const frames = Number(values.frames ?? DEFAULT_FRAMES)
const seed = Number(values.seed ?? Date.now() % 1_000_000)
if (!Number.isSafeInteger(frames) || frames <= 0 || !Number.isSafeInteger(seed) || seed < 0) {
  console.error('usage: node scripts/fuzz.js [--frames N] [--seed N], whole numbers')
  process.exit(2)
}

const script = fileURLToPath(new URL('jest.js', import.meta.url))
const env = { ...process.env, UTXO_FUZZ_FRAMES: `${frames}`, UTXO_FUZZ_SEED: `${seed}` }
const run = spawnSync(process.execPath, [script, 'integration', 'embedded/fuzz'], { env, stdio: 'inherit' })
process.exit(run.status ?? 1)
