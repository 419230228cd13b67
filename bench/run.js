// npm run bench -- [options]: `utxo-store bench` with what programs without the store do beside it.
import { fileURLToPath } from 'node:url'

const yardsticks = fileURLToPath(new URL('./yardsticks.js', import.meta.url))
process.argv.splice(2, 0, 'bench', '--yardsticks', yardsticks)
await import('../dist/cli/main.js')
