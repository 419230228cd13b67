/** What the store asks of a cluster beside batches: the same for every transport, on the npm client. */
export interface Administration {
  /** File names of the registered UDF modules, on whichever node answers. */
  listUdfFiles(): Promise<string[]>
  /** Registers a UDF file under `fileName` and waits until every node has it. */
  registerUdf(fileName: string, source: string): Promise<void>
  /** The answer of every node to an info command, parameters included: `namespace/test`. */
  infoOfNodes(command: string): Promise<{ node: string; answer: string }[]>
  close(): Promise<void>
}
