/**
 * The transactions that spent an output of a record, were accepted, and have been pruned since or are about to be: the
 * keys of its bin `deletedChildren`, display-hex txids (semantics 5.1, replay protection). The npm client hands a map over
 * as an object. What is no map names none.
 */
export function deletedChildren(bin: unknown): ReadonlySet<string> {
  if (bin instanceof Map) return new Set([...bin.keys()].map(String))
  return new Set(typeof bin === 'object' && bin !== null ? Object.keys(bin) : [])
}
