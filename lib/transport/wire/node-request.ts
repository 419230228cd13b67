import type { BatchRow } from '../transport.ts'
import type { RowMessage, RowReceiver } from './answer-reader.ts'
import type { WireNode } from './node.ts'
import type { BatchRequestBytes } from './request.ts'

/** What of a batch goes to one node in one frame. */
export class NodeRequest implements RowReceiver {
  readonly node: WireNode
  readonly bytes: BatchRequestBytes
  /** Tells the rows of this request from those of others in the same attempt. */
  readonly id: number
  /** Rows that are not answered yet. */
  open = 0
  /** The node answered what was answered before. */
  hasSurplus = false
  readonly #onRow: (message: RowMessage, request: NodeRequest) => void

  constructor(
    node: WireNode,
    bytes: BatchRequestBytes,
    id: number,
    onRow: (message: RowMessage, request: NodeRequest) => void,
    likeAll: BatchRow | undefined,
  ) {
    this.node = node
    this.bytes = bytes
    this.id = id
    this.#onRow = onRow
    bytes.begin(likeAll)
  }

  onRow(message: RowMessage): void {
    this.#onRow(message, this)
  }
}
