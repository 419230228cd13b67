import { PARTICLE_TYPES } from '../../protocol/index.ts'
import { parseContext } from '../operations/collections/collection-request.ts'
import { type Element, elementParticle } from '../operations/collections/element.ts'

/** Names of what a level finds an element by, as a real server writes them. */
const LEVEL_NAMES: ReadonlyMap<number, string> = new Map([
  [0x10, 'list_index'],
  [0x11, 'list_rank'],
  [0x13, 'list_value'],
  [0x20, 'map_index'],
  [0x21, 'map_rank'],
  [0x22, 'map_key'],
  [0x23, 'map_value'],
])

/** A context for people, such as `[map_key(<string#2>), list_index(0)]`. */
export function contextText(context: Buffer): string {
  const levels = parseContext(context).map(({ type, value }) => {
    return `${LEVEL_NAMES.get(type) ?? `level_${type}`}(${valueText(value)})`
  })
  return `[${levels.join(', ')}]`
}

/** Strings and blobs may be long, or hold separators of the info protocol: only their size is told. */
function valueText(element: Element): string {
  const { type, value } = elementParticle(element)
  switch (type) {
    case PARTICLE_TYPES.INTEGER:
      return String(Buffer.from(value).readBigInt64BE(0))
    case PARTICLE_TYPES.STRING:
      return `<string#${value.length}>`
    case PARTICLE_TYPES.BLOB:
      return `<blob#${value.length}>`
    default:
      return `<type ${type}>`
  }
}
