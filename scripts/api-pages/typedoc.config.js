// What TypeDoc makes the pages of the API from: npm run docs:api
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
const { exports } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))

/** Every entry point of the package, by the source of its types. */
const entryPoints = Object.values(exports).flatMap(({ types }) =>
  types === undefined ? [] : `${root}${types.replace(/^\.\/dist\//, 'lib/').replace(/\.d\.ts$/, '.ts')}`,
)

export default {
  name: 'aerospike-utxo-store: API',
  entryPoints,
  tsconfig: `${root}tsconfig.build.json`,
  readme: `${root}README.md`,
  out: `${root}api-pages`,
  excludePrivate: true,
  excludeProtected: true,
  disableSources: true,
  // Parts of declarations that callers see only as what they make.
  intentionallyNotExported: [
    'BinName',
    'COMPOSED',
    'CommandKind',
    'FailureTally',
    'KafkaModule',
    'NO_FIELDS',
    'REQUEST_KINDS',
    'SettingKind',
    'SettingRow',
    'ValueOf',
  ],
}
