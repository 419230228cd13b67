import type { Settings } from '../../settings/index.ts'
import type { Administration } from '../../transport/index.ts'
import { INDEXES, indexDefinition, indexNames } from '../context/indexes.ts'
import { ModuleNames } from '../udf/module-names.ts'
import { fileNameOf, loadUdfModule } from '../udf/udf-module.ts'
import { type Finding, failure, ok, warning } from './finding.ts'

const FIX_MODULE = 'Run utxo-store doctor --fix, or open a store: either registers it.'
const FIX_INDEX = 'Run utxo-store doctor --fix, or leave it to the first call that needs it.'

export interface SetCheckOptions {
  readonly administration: Administration
  readonly namespace: string
  readonly set: string
  readonly settings: Settings
  /** Registers and creates what is missing. */
  readonly fix: boolean
  readonly signal: AbortSignal | undefined
}

export async function checkSet(options: SetCheckOptions): Promise<Finding[]> {
  const findings = [await countRecords(options), await checkModule(options)]
  for (const name of Object.keys(INDEXES) as (keyof typeof INDEXES)[]) {
    findings.push(await checkIndex(options, name))
  }
  return findings
}

async function countRecords({ administration, namespace, set }: SetCheckOptions): Promise<Finding> {
  const answers = await administration.infoOfNodes(`sets/${namespace}`)
  let copies = 0
  for (const { answer } of answers) {
    const line = answer.split(';').find(entry => entry.split(':').includes(`set=${set}`))
    copies += Number(/(?:^|:)objects=(\d+)/.exec(line ?? '')?.[1] ?? 0)
  }
  return ok(
    'set',
    copies === 0 ? `${set} is empty` : `${set} has ${copies} records, copies on other nodes included`,
  )
}

/**
 * The names of the module are derived from its text: a node that lists them has the current one. Of several names the
 * finding is the worst.
 */
async function checkModule({ administration, settings, fix }: SetCheckOptions): Promise<Finding> {
  const check = 'udf module'
  const { name: main, source } = await loadUdfModule()
  const names = new ModuleNames(main, settings).all
  const copies = names.length === 1 ? '' : ` under ${names.length} names`
  const answers = await administration.infoOfNodes('udf-list')
  const lacking = names.flatMap(name => {
    const nodes = answers.filter(({ answer }) => !answer.includes(`filename=${fileNameOf(name)},`))
    return nodes.length === 0 ? [] : [{ name, nodes }]
  })
  if (lacking.length === 0) return ok(check, `${main} is on every node${copies}`)
  if (fix) {
    for (const { name } of lacking) await administration.registerUdf(fileNameOf(name), source)
    return ok(check, `${main} has been registered${copies}`)
  }
  const inPart = lacking.find(({ nodes }) => nodes.length < answers.length)
  if (inPart === undefined) {
    const others = lacking.length === 1 ? 'is' : `and ${lacking.length - 1} more of its names are`
    return warning(check, `${lacking[0]?.name} ${others} not registered`, FIX_MODULE)
  }
  return failure(
    check,
    `${inPart.name} is missing on ${inPart.nodes.map(({ node }) => `node ${node}`).join(', ')}: calls there fail`,
    FIX_MODULE,
  )
}

async function checkIndex(
  { administration, set, settings, fix, signal }: SetCheckOptions,
  name: keyof typeof INDEXES,
): Promise<Finding> {
  const index = indexDefinition(name, indexNames(settings, set))
  const check = `index on ${index.bin}`
  const states = await administration.indexStates(index)
  if (states.every(state => state === 'ready')) return ok(check, 'ready on every node')
  if (fix) {
    await administration.ensureIndex(index, signal)
    return ok(check, 'has been created and is ready')
  }
  return states.includes('missing')
    ? warning(check, 'missing; the first call that needs it will wait until it is built', FIX_INDEX)
    : warning(check, 'is being built', 'Wait until it is ready; queries wait for it.')
}
