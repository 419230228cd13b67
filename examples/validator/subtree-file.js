import { rename, writeFile } from 'node:fs/promises'

/**
 * Writes the list of a subtree's transactions as `SubtreeFolder` reads it: magic, root, fees, bytes, and of each
 * transaction its txid, fee and bytes. Renamed into place, so that nobody ever reads a part of it.
 *
 * @param {string} folder
 * @param {{ root: Uint8Array, name: string, nodes: readonly { txid: Uint8Array, sizeBytes: number }[] }} subtree
 */
export async function keepSubtree(folder, { root, name, nodes }) {
  const bytes = nodes.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  const head = [Buffer.from('S-1.0   '), root, uint64(0), uint64(bytes), uint64(nodes.length)]
  const list = nodes.flatMap(({ txid, sizeBytes }) => [txid, uint64(0), uint64(sizeBytes)])
  const path = `${folder}/${name}.subtree`
  await writeFile(`${path}.tmp`, Buffer.concat([...head, ...list, uint64(0)]))
  await rename(`${path}.tmp`, path)
}

/** @param {number} value */
function uint64(value) {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}
