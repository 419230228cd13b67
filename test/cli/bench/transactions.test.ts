import { describe, expect, it } from '@jest/globals'
import { roundTransactions } from '../../../lib/cli/bench/transactions.ts'
import {
  encodeExtendedTransaction,
  encodeTransaction,
  parseTransaction,
  txidToHex,
} from '../../../lib/index.ts'

describe('the transactions of a round', () => {
  const round = roundTransactions(3)

  it('have txids that no other has, in this round or another', () => {
    const others = roundTransactions(3)
    const { parents, spenders, blockTransactions } = round
    const all = [...parents, ...spenders, ...blockTransactions, ...others.parents, ...others.spenders]
    expect(new Set(all.map(({ txid }) => txidToHex(txid))).size).toBe(all.length)
    expect(round.txids).toEqual(parents.map(({ txid }) => txid))
  })

  it('are whole: their encodings are read as what they are', () => {
    for (const tx of [...round.parents, ...round.spenders]) {
      expect(parseTransaction(encodeExtendedTransaction(tx)).txid).toEqual(tx.txid)
      expect(tx.isExtended).toBe(true)
    }
    for (const tx of [...round.undecoratedSpenders, ...round.blockTransactions]) {
      expect(parseTransaction(encodeTransaction(tx)).txid).toEqual(tx.txid)
      expect(tx.isExtended).toBe(false)
    }
  })

  it('spend the parent at their place, a spender output 0, decorated or not, and a block output 1', () => {
    round.spenders.forEach((spender, index) => {
      const [input] = spender.inputs
      const spent = round.parents[index]?.outputs[0]
      expect(input).toMatchObject({ previousTxid: round.txids[index], previousVout: 0 })
      expect(input?.previousSatoshis).toBe(spent?.satoshis)
      expect(input?.previousLockingScript).toEqual(spent?.lockingScript)
      expect(round.undecoratedSpenders[index]?.txid).toEqual(spender.txid)
      expect(round.blockTransactions[index]?.inputs[0]).toMatchObject({
        previousTxid: round.txids[index],
        previousVout: 1,
      })
    })
  })

  it('are the same at each use, so that an answer is held against what was asked', () => {
    expect(round.parents).toBe(round.parents)
    expect(round.txids).toBe(round.txids)
  })

  it('that may have been stored are those of a block only where there is one', () => {
    const fresh = roundTransactions(2)
    expect(fresh.storedTxids()).toEqual(fresh.txids)
    const block = fresh.blockTransactions.map(({ txid }) => txid)
    expect(fresh.storedTxids()).toEqual([...fresh.txids, ...block])
  })
})
