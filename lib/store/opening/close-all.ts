/** Closes one after the other, each whether or not those before it could be closed; then throws the first error. */
export async function closeAll(resources: readonly { close(): Promise<void> }[]): Promise<void> {
  const errors: unknown[] = []
  for (const resource of resources) {
    try {
      await resource.close()
    } catch (error) {
      errors.push(error)
    }
  }
  if (errors.length > 0) throw errors[0]
}
