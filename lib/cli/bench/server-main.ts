// The embedded server of a run, as a process of its own: `utxo-store serve` that ends with the run, whatever ends that.
process.once('disconnect', () => process.exit())
// The channel is no reason to stay when the server was told to end.
process.channel?.unref()
await import('../main.ts')
