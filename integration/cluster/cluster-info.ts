import { connect } from 'node:net'
import type { NodeHandle } from 'aerospike-utxo-store/embedded'

const INFO_HEADER_HEX = '0201'
const HEADER_BYTES = 8
const ANSWER_MS_MAX = 10_000
const PARTITION_COUNT = 4096

/** What a node answers to an info command, asked over a connection of its own. Rejects when it does not. */
export async function ask(node: Pick<NodeHandle, 'host' | 'port'>, command: string): Promise<string> {
  const socket = connect({ host: node.host, port: node.port })
  socket.setTimeout(ANSWER_MS_MAX, () => socket.destroy(new Error(`no answer to ${command}`)))
  const body = Buffer.from(`${command}\n`)
  const header = Buffer.from(`${INFO_HEADER_HEX}${body.length.toString(16).padStart(12, '0')}`, 'hex')
  socket.write(Buffer.concat([header, body]))
  let received = Buffer.alloc(0)
  for await (const chunk of socket) {
    received = Buffer.concat([received, chunk])
    if (received.length < HEADER_BYTES) continue
    if (received.length >= HEADER_BYTES + received.readUIntBE(2, 6)) break
  }
  const answer = received.toString('latin1', HEADER_BYTES)
  if (!answer.startsWith(`${command}\t`)) throw new Error(`connection ended without an answer to ${command}`)
  return answer.slice(command.length + 1, -1)
}

/** One value of an answer in `key=value` pairs. */
export async function askNumber(node: NodeHandle, command: string, key: string): Promise<number> {
  const pairs = await ask(node, command)
  return Number(new RegExp(`(?:^|;)${key}=([^;]*)`).exec(pairs)?.[1])
}

/** How often each partition is announced as this copy, by all nodes together. */
export async function announced(nodes: readonly NodeHandle[], copy: number): Promise<number[]> {
  const counts = new Array<number>(PARTITION_COUNT).fill(0)
  for (const node of nodes) {
    const [, , ...bitmaps] = (await ask(node, 'replicas')).split(';')[0]?.split(',') ?? []
    const bits = Buffer.from(bitmaps[copy] ?? '', 'base64')
    for (let partition = 0; partition < PARTITION_COUNT; partition++) {
      if (((bits[partition >> 3] ?? 0) & (0x80 >> (partition & 7))) !== 0) {
        counts[partition] = (counts[partition] ?? 0) + 1
      }
    }
  }
  return counts
}
