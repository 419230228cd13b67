import { type InfoCommand, PARTICLE_TYPES } from '../../protocol/index.ts'
import { CommandError } from '../command-error.ts'
import { compileExpression, EXPRESSION_TYPES } from '../expressions/index.ts'
import { INDEX_COLLECTIONS, INDEX_VALUE_TYPES, type IndexDefinition } from '../indexes/index-definition.ts'
import { BIN_NAME_BYTES_MAX, SET_NAME_BYTES_MAX } from '../limits.ts'
import { parseContext } from '../operations/collections/collection-request.ts'
import { namespaceParameter } from './info-command.ts'
import { badParameter, missing, missingNamespace } from './info-error.ts'

const INDEX_NAME_BYTES_MAX = 63

/** What an index on a set has nothing to do with. */
const NOT_FOR_SETS = ['bin', 'exp', 'indexdata', 'type', 'context']
const TYPE_CHOICES = "must be one of 'numeric', 'string', 'blob', 'geo2dsphere'"
const COLLECTION_CHOICES = "must be one of 'default', 'list', 'mapkeys', 'mapvalues'"

const COLLECTIONS: ReadonlyMap<string, number> = new Map([
  ['default', INDEX_COLLECTIONS.DEFAULT],
  ['list', INDEX_COLLECTIONS.LIST],
  ['mapkeys', INDEX_COLLECTIONS.MAP_KEYS],
  ['mapvalues', INDEX_COLLECTIONS.MAP_VALUES],
  ['set', INDEX_COLLECTIONS.SET],
])

const VALUE_TYPES: ReadonlyMap<string, number> = new Map(Object.entries(INDEX_VALUE_TYPES))

/** Names of what expressions evaluate to, for messages. */
const EXPRESSION_TYPE_NAMES: ReadonlyMap<number, string> = new Map([
  [EXPRESSION_TYPES.NIL, 'nil'],
  [EXPRESSION_TYPES.BOOLEAN, 'bool'],
  [EXPRESSION_TYPES.INTEGER, 'numeric'],
  [EXPRESSION_TYPES.STRING, 'string'],
  [EXPRESSION_TYPES.LIST, 'list'],
  [EXPRESSION_TYPES.MAP, 'map'],
  [EXPRESSION_TYPES.BLOB, 'blob'],
  [EXPRESSION_TYPES.FLOAT, 'float'],
  [EXPRESSION_TYPES.GEOJSON, 'geo2dsphere'],
  [EXPRESSION_TYPES.HLL, 'hll'],
])

/** The name of a value type, as definitions of indexes have it. */
export function valueTypeName(valueType: number): string {
  for (const [name, type] of VALUE_TYPES) if (type === valueType) return name
  return String(valueType)
}

export function collectionName(collection: number): string {
  for (const [name, type] of COLLECTIONS) if (type === collection) return name
  return String(collection)
}

/** A parameter that has to have a value if it is there. @throws InfoError */
function text(
  { parameters }: InfoCommand,
  key: string,
  bytesMax = Number.POSITIVE_INFINITY,
): string | undefined {
  const value = parameters.get(key)
  if (value === '') throw badParameter(`missing '${key}' value`)
  if (value !== undefined && value.length > bytesMax) throw badParameter(`'${key}' value too long`)
  return value
}

/** The index that a command is about. @throws InfoError */
export function requiredIndexName(command: InfoCommand): string {
  const name = text(command, 'indexname', INDEX_NAME_BYTES_MAX)
  if (name === undefined) throw missing('indexname')
  return name
}

/** The namespace that a command is about, which need not exist. @throws InfoError */
export function requiredNamespaceName(command: InfoCommand): string {
  const name = namespaceParameter(command)
  if (name === undefined) throw missingNamespace()
  return name
}

/** The index that `sindex-create` defines (protocol 10.1). @throws InfoError */
export function indexDefinition(command: InfoCommand): IndexDefinition {
  const name = requiredIndexName(command)
  requiredNamespaceName(command)
  const setName = text(command, 'set', SET_NAME_BYTES_MAX) ?? ''
  const collection = collectionOf(text(command, 'indextype') ?? 'default')
  if (collection === INDEX_COLLECTIONS.SET) return setIndexDefinition(command, name, setName)
  const context = contextOf(text(command, 'context'))
  const { binName, expressionText, typeName } = whatIsIndexed(command)
  const valueType = VALUE_TYPES.get(typeName) ?? PARTICLE_TYPES.NULL
  const expression =
    expressionText === undefined ? undefined : expressionOf(expressionText, collection, typeName)
  return { name, setName, binName, valueType, collection, context, expression }
}

/** An index on the records of a set as such. @throws InfoError */
function setIndexDefinition({ parameters }: InfoCommand, name: string, setName: string): IndexDefinition {
  if (setName === '') throw missing('set')
  for (const key of NOT_FOR_SETS) {
    if (parameters.has(key)) throw badParameter(`${key} parameter is not supported for set index`)
  }
  return {
    name,
    setName,
    binName: '',
    valueType: PARTICLE_TYPES.NULL,
    collection: INDEX_COLLECTIONS.SET,
    context: undefined,
    expression: undefined,
  }
}

interface Indexed {
  /** Empty for an expression. */
  readonly binName: string
  readonly expressionText: string | undefined
  readonly typeName: string
}

/** Newer clients say bin or exp, and type; older ones indexdata, both in one. */
function whatIsIndexed(command: InfoCommand): Indexed {
  const old = text(command, 'indexdata')
  if (old !== undefined) return indexedByOldForm(old)
  const binName = text(command, 'bin', BIN_NAME_BYTES_MAX)
  const expressionText = text(command, 'exp')
  if (binName === undefined && expressionText === undefined)
    throw badParameter("both 'bin' and 'exp' are missing")
  if (binName !== undefined && expressionText !== undefined) {
    throw badParameter("both 'bin' and 'exp' are specified")
  }
  const type = text(command, 'type')
  if (type === undefined) throw badParameter("both 'indexdata' and 'type' are missing")
  return { binName: binName ?? '', expressionText, typeName: knownType(type, "'type'") }
}

/** `<bin>,<type>` */
function indexedByOldForm(data: string): Indexed {
  const [binName = '', type] = data.split(',')
  if (binName === '') throw badParameter("'indexdata' missing bin name")
  if (type === undefined) throw badParameter("'indexdata' missing bin type")
  if (binName.length > BIN_NAME_BYTES_MAX) throw badParameter("'indexdata' bin name too long")
  return { binName, expressionText: undefined, typeName: knownType(type, "'indexdata' bin type") }
}

function knownType(type: string, what: string): string {
  const name = type.toLowerCase()
  if (!VALUE_TYPES.has(name)) throw badParameter(`bad ${what} - ${TYPE_CHOICES}`)
  return name
}

function collectionOf(name: string): number {
  const collection = COLLECTIONS.get(name.toLowerCase())
  if (collection === undefined) throw badParameter(`bad 'indextype' - ${COLLECTION_CHOICES}`)
  return collection
}

function contextOf(base64: string | undefined): Buffer | undefined {
  if (base64 === undefined) return undefined
  const context = decodeBase64(base64)
  if (context === undefined) throw badParameter("'context' invalid base64")
  try {
    parseContext(context)
    return context
  } catch (error) {
    if (error instanceof CommandError) throw badParameter("'context' invalid cdt context")
    throw error
  }
}

function expressionOf(base64: string, collection: number, typeName: string): Buffer {
  const expression = decodeBase64(base64)
  if (expression === undefined) throw badParameter("bad 'exp'")
  const expected = collection === INDEX_COLLECTIONS.DEFAULT ? typeName : containerName(collection)
  const found = EXPRESSION_TYPE_NAMES.get(resultType(expression))
  if (found !== expected) {
    throw badParameter(`bad 'exp' - expression type '${found}' does not match expected type '${expected}'`)
  }
  return expression
}

function resultType(expression: Buffer): number {
  try {
    return compileExpression(expression).resultType
  } catch (error) {
    if (error instanceof CommandError) throw badParameter("bad 'exp'")
    throw error
  }
}

function containerName(collection: number): string {
  return collection === INDEX_COLLECTIONS.LIST ? 'list' : 'map'
}

function decodeBase64(text: string): Buffer | undefined {
  return /^[A-Za-z0-9+/]+={0,2}$/.test(text) && text.length % 4 === 0
    ? Buffer.from(text, 'base64')
    : undefined
}
