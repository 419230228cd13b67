#!/usr/bin/env node
import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import {
  type Block,
  coinbaseHeight,
  encodeTransaction,
  parseTransaction,
  SpendError,
  type Transaction,
  txidToHex,
  UtxoSpentError,
  UtxoStore,
} from '../index.ts'
import { REPLAY_SETTINGS, runReplay, summaryText } from './commands/replay.ts'
import { describeFailure } from './failure.ts'
import { createOutput, type Output } from './output.ts'
import { readBlocks } from './replay/block-source.ts'

const FIXTURES = new URL('../../test/fixtures/blocks/', import.meta.url)

/**
 * The main job on real input, with no Docker and no Aerospike: replays the mainnet blocks that ship as fixtures
 * through the public API on the embedded server, then tries to spend an output a second time.
 */
async function demo(output: Output): Promise<void> {
  const paths = (await readdir(FIXTURES)).filter(name => name.endsWith('.block'))
  const blocks = (
    await Promise.all(paths.map(name => readBlocks(fileURLToPath(new URL(name, FIXTURES)))))
  ).flat()
  const byHeight = blocks
    .map(block => ({ block, height: heightOf(block) }))
    .sort((a, b) => a.height - b.height)

  output.note('starting the embedded server and opening a store on it')
  await using store = await UtxoStore.open('embedded:?set=demo', { settings: REPLAY_SETTINGS })
  const summaries: string[] = []
  for (const { block, height } of byHeight) {
    const summary = await runReplay(store, [block], height, true, output)
    summaries.push(`block ${height}\n${summaryText(summary)}`)
  }
  const doubleSpend = await tryDoubleSpend(store, byHeight[0]?.block, byHeight[0]?.height ?? 1)
  output.result({}, [...summaries, `double spend\n${doubleSpend}`].join('\n\n'))
}

/** A rival of the block's second transaction: the same inputs, another output. */
async function tryDoubleSpend(store: UtxoStore, block: Block | undefined, height: number): Promise<string> {
  const winner = block?.transactions[1]
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

function heightOf(block: Block): number {
  const height = coinbaseHeight(block)
  if (height === undefined) throw new Error('a fixture block does not tell its height')
  return height
}

try {
  await demo(createOutput(false))
} catch (error) {
  const { message, exitCode } = describeFailure(error)
  process.stderr.write(`demo: ${message}\n`)
  process.exitCode = exitCode
}
