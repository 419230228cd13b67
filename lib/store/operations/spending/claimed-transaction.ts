import { txidKey, txidToHex } from '../../../bitcoin/index.ts'
import { decodeSpendingData, recordNumber } from '../../../record/index.ts'
import { UtxoSpentError } from '../../store-errors.ts'
import type { RecordGroup, SpendFlags, SpendItem, SpendRequest } from './record-groups.ts'

/** What a batch claims of one transaction. Mostly that is one output, so that nothing is compared or looked up. */
export class ClaimedTransaction {
  readonly #firstGroup: RecordGroup
  /** Both are made with the second claim. */
  #groups: Map<string, RecordGroup> | undefined
  /** Spending data of the first claim on each output. */
  #claims: Map<string, Uint8Array> | undefined

  constructor(group: RecordGroup) {
    this.#firstGroup = group
  }

  /** The error of a claim on an output that another transaction has claimed before; every claim has to ask. */
  lostClaim({ request }: SpendItem): UtxoSpentError | undefined {
    this.#claims ??= claimsOf(this.#firstGroup)
    const output = outputKey(request)
    const winner = this.#claims.get(output)
    if (winner === undefined) this.#claims.set(output, request.spendingData)
    else if (Buffer.compare(winner, request.spendingData) !== 0) return lostTo(winner, request)
    return undefined
  }

  /** Puts a claim to those that one call can spend with it; false where there are none. */
  join(item: SpendItem, utxoBatchSize: number): boolean {
    const { vout, blockHeight, flags, admission } = item.request
    const group = this.#byId.get(groupId(recordNumber(vout, utxoBatchSize), blockHeight, flags))
    group?.items.push(item)
    group?.admissions.push(admission)
    return group !== undefined
  }

  /** Adds a group for claims that join no other. */
  add(group: RecordGroup): void {
    this.#byId.set(groupId(group.page, group.blockHeight, group.flags), group)
  }

  get #byId(): Map<string, RecordGroup> {
    const { page, blockHeight, flags } = this.#firstGroup
    this.#groups ??= new Map([[groupId(page, blockHeight, flags), this.#firstGroup]])
    return this.#groups
  }
}

function groupId(page: number, blockHeight: number, flags: SpendFlags): string {
  const { ignoreConflicting, ignoreLocked, ignorePolicyFreeze, ignoreConsensusFreeze } = flags
  return `${page}/${blockHeight}/${ignoreConflicting}/${ignoreLocked}/${ignorePolicyFreeze}/${ignoreConsensusFreeze}`
}

/** One that is malformed claims nothing; it fails by itself. */
function claimsOf({ items }: RecordGroup): Map<string, Uint8Array> {
  const claims = new Map<string, Uint8Array>()
  for (const { request } of items) {
    try {
      claims.set(outputKey(request), request.spendingData)
    } catch {}
  }
  return claims
}

/** By the hash as well: a claim that the server will refuse for its hash must not refuse an honest one. */
function outputKey({ vout, utxoHash }: SpendRequest): string {
  return txidKey(utxoHash) + vout
}

function lostTo(winner: Uint8Array, { txid, vout, utxoHash }: SpendRequest): UtxoSpentError {
  const spendingData = decodeSpendingData(winner)
  const what = `output ${txidToHex(txid)}:${vout}`
  return new UtxoSpentError(`${what} is spent by ${txidToHex(spendingData.txid)}, first seen`, {
    txid,
    vout,
    utxoHash,
    spendingData,
  })
}
