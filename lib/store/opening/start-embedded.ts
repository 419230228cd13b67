/** Starts an embedded server with one namespace, on a free port of the loopback address. */
export async function startEmbedded(
  namespace: string,
): Promise<{ host: string; port: number; close(): Promise<void> }> {
  // biome-ignore lint/style/noRestrictedImports: the one place where the store meets the embedded server; loaded only for `embedded:` URLs (contract, section 5).
  const { startEmbeddedServer } = await import('../../embedded/index.ts')
  return startEmbeddedServer({ namespaces: [namespace] })
}
