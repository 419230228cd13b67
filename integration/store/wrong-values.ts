const output = { satoshis: 1n, lockingScript: Uint8Array.of(0x51) }

/** What callers without types give by mistake; most of it is wrong wherever it is given. */
export const WRONG_VALUES: readonly (readonly [name: string, value: unknown])[] = [
  ['undefined', undefined],
  ['null', null],
  ['true', true],
  ['0', 0],
  ['1', 1],
  ['-1', -1],
  ['1.5', 1.5],
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['2^32', 2 ** 32],
  ['2^53', 2 ** 53],
  ['1n', 1n],
  ['-1n', -1n],
  ['2^64 as a bigint', 2n ** 64n],
  ['an empty string', ''],
  ['a string', 'x'],
  ['hex of 31 bytes', 'ab'.repeat(31)],
  ['64 characters that are no hex', 'zz'.repeat(32)],
  ['hex with a prefix', `0x${'ab'.repeat(32)}`],
  ['a symbol', Symbol('x')],
  ['a function', () => true],
  ['an object', {}],
  ['an object without a prototype', Object.create(null)],
  ['a date', new Date(0)],
  ['the look of a signal', { aborted: false, addEventListener() {}, removeEventListener() {} }],
  ['an array', []],
  ['[null]', [null]],
  ['[undefined]', [undefined]],
  ['[{}]', [{}]],
  ['[[]]', [[]]],
  ['[1n]', [1n]],
  ['an array with a hole', new Array(1)],
  ['no bytes', Buffer.alloc(0)],
  ['31 bytes', Buffer.alloc(31)],
  ['33 bytes', new Uint8Array(33)],
  ['a map', new Map()],
  ['a map of null', new Map([[0, null]])],
  ['a map of -1', new Map([[-1, output]])],
  ['a map of a negative amount', new Map([[0, { ...output, satoshis: -1n }]])],
]

/** Whether a value is right after all. */
export type Accepts = (value: unknown) => boolean

export const nothing: Accepts = () => false
export const isBoolean: Accepts = value => typeof value === 'boolean'
export const isFunction: Accepts = value => typeof value === 'function'
export const isBytes: Accepts = value => value instanceof Uint8Array
export const isEmptyList: Accepts = value => Array.isArray(value) && value.length === 0
export const isWholeNumber: Accepts = value => Number.isSafeInteger(value)
export const isAmount: Accepts = value => typeof value === 'bigint' && value >= 0n && value < 2n ** 64n
export const isUint32: Accepts = value =>
  Number.isInteger(value) && Number(value) >= 0 && Number(value) < 2 ** 32
export const isPositive: Accepts = value => isUint32(value) && value !== 0
export const isHeightOrBeyond: Accepts = value => isWholeNumber(value) && Number(value) >= 0
export const isObject: Accepts = value => typeof value === 'object' && value !== null && !Array.isArray(value)

export function optional(accepts: Accepts): Accepts {
  return value => value === undefined || accepts(value)
}
