// npm run bench -- [options]: `utxo-store bench` with what the npm client does without the library beside it.
import { fileURLToPath } from 'node:url'

const yardsticks = fileURLToPath(new URL('./npm-client.js', import.meta.url))
process.argv.splice(2, 0, 'bench', '--yardsticks', yardsticks)
await import('../dist/cli/main.js')
