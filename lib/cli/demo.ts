#!/usr/bin/env node
import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import {
  encodeTransaction,
  parseBlock,
  parseTransaction,
  SpendError,
  type Transaction,
  txidToHex,
  UtxoSpentError,
  UtxoStore,
} from '../index.ts'
import { chainsOf, REPLAY_SETTINGS, runReplay, summaryText } from './commands/replay.ts'
import { describeFailure } from './failure.ts'
import { createOutput, type Output } from './output.ts'
import { type PlannedBlock, planReplay } from './replay/replay-plan.ts'

const FIXTURES = new URL('../../test/fixtures/blocks/', import.meta.url)

/**
 * The main job on real input, with no Docker and no Aerospike: replays the mainnet blocks that ship as fixtures
 * through the public API on the embedded server, then tries to spend an output a second time.
 */
async function demo(output: Output): Promise<void> {
  const paths = (await readdir(FIXTURES)).filter(name => name.endsWith('.block'))
  const files = paths.map(name => fileURLToPath(new URL(name, FIXTURES)))
  const planned = await planReplay(await chainsOf(files, output))

  output.note('starting the embedded server and opening a store on it')
  await using store = await UtxoStore.open('embedded:?set=demo', { settings: REPLAY_SETTINGS })
  const summaries: string[] = []
  for (const one of planned) {
    const summary = await runReplay(store, [one], output, { seedMissingParents: true })
    summaries.push(`block ${one.height}\n${summaryText(summary)}`)
  }
  const doubleSpend = await tryDoubleSpend(store, planned[0])
  output.result({}, [...summaries, `double spend\n${doubleSpend}`].join('\n\n'))
}

/** A rival of the block's second transaction: the same inputs, another output. */
async function tryDoubleSpend(store: UtxoStore, planned: PlannedBlock | undefined): Promise<string> {
  if (planned === undefined) throw new Error('there is no fixture block')
  const { block, height } = planned
  const winner = parseBlock(await readFile(block.path)).transactions[1]
  if (winner === undefined) throw new Error('the first block holds no transaction to rival')
  const rival = await store.previousOutputsDecorate(rivalOf(winner))
  try {
    await store.spend(rival, height)
  } catch (error) {
    const refusal =
      error instanceof SpendError
        ? error.spends.find(spend => spend.error instanceof UtxoSpentError)
        : undefined
    if (!(refusal?.error instanceof UtxoSpentError)) throw error
    const held = refusal.error
    return [
      `  refused with ${held.code}`,
      `  output  ${txidToHex(held.txid)}:${held.vout}`,
      `  rival   ${txidToHex(rival.txid)}`,
      `  winner  ${txidToHex(held.spendingData.txid)}, input ${held.spendingData.vin}`,
    ].join('\n')
  }
  throw new Error('the double spend was accepted')
}

function rivalOf(tx: Transaction): Transaction {
  const outputs = tx.outputs.map(({ satoshis, lockingScript }, index) => ({
    satoshis: index === 0 && satoshis > 0n ? satoshis - 1n : satoshis,
    lockingScript,
  }))
  return parseTransaction(encodeTransaction({ ...plainParts(tx), outputs }))
}

function plainParts({
  version,
  locktime,
  inputs,
}: Transaction): Pick<Transaction, 'version' | 'locktime' | 'inputs'> {
  return { version, locktime, inputs }
}

try {
  await demo(createOutput(false))
} catch (error) {
  const { message, exitCode } = describeFailure(error)
  process.stderr.write(`demo: ${message}\n`)
  process.exitCode = exitCode
}
