import { anyBound, anyKey, anyValue, pack, small, type Term } from './payload.ts'
import type { Random } from './random.ts'

/** Draws the arguments of an operation. */
type Arguments = (random: Random) => readonly Term[]

const INVERTED = 0x10000
const returnType = (random: Random): number => random.integer(0, 18) | (random.chance(0.2) ? INVERTED : 0)
const listOfValues = (random: Random): Term => random.times(random.integer(0, 5), () => anyValue(random, 1))
const mapOfValues = (random: Random): Term =>
  new Map(random.times(random.integer(0, 4), () => [anyKey(random), anyValue(random, 1)]))

/** Arguments behind those that have to be there may be left out, from the last one on. */
const optional = (random: Random, ...draws: readonly (() => Term)[]): Term[] => {
  const terms = draws.map(draw => draw())
  return terms.slice(0, random.integer(0, terms.length))
}

const index: Arguments = random => [small(random)]
const indexAndCount: Arguments = random => [small(random), ...optional(random, () => small(random))]
const nothing: Arguments = () => []
const valueAndPolicy: Arguments = random => [
  anyValue(random, 1),
  ...optional(
    random,
    () => random.integer(0, 3),
    () => random.integer(0, 15),
  ),
]
const selected =
  (rest: Arguments): Arguments =>
  random => [returnType(random), ...rest(random)]
const byValue: Arguments = random => [anyBound(random)]
const byInterval: Arguments = random => [anyBound(random), ...optional(random, () => anyBound(random))]
const byList: Arguments = random => [listOfValues(random)]
const relative: Arguments = random => [anyBound(random), ...indexAndCount(random)]
const keyAndValue: Arguments = random => [
  anyKey(random),
  anyValue(random, 1),
  ...optional(
    random,
    () => random.integer(0, 3),
    () => random.integer(0, 15),
  ),
]
const items: Arguments = random => [
  mapOfValues(random),
  ...optional(
    random,
    () => random.integer(0, 3),
    () => random.integer(0, 15),
  ),
]

/** Operations with their codes. */
type Table = readonly [readonly [number, Arguments], ...(readonly [number, Arguments])[]]

/** Protocol 8.4. */
const LIST_READS: Table = [
  [16, nothing],
  [17, index],
  [18, indexAndCount],
  [19, selected(index)],
  [20, selected(byValue)],
  [21, selected(index)],
  [22, selected(byValue)],
  [23, selected(byList)],
  [24, selected(indexAndCount)],
  [25, selected(byInterval)],
  [26, selected(indexAndCount)],
  [27, selected(relative)],
  [254, random => [random.integer(0, 5)]],
]

/** Protocol 8.5. */
const MAP_READS: Table = [
  [96, nothing],
  [97, selected(byValue)],
  [98, selected(index)],
  [99, selected(byValue)],
  [100, selected(index)],
  [102, selected(byValue)],
  [103, selected(byInterval)],
  [104, selected(indexAndCount)],
  [105, selected(byInterval)],
  [106, selected(indexAndCount)],
  [107, selected(byList)],
  [108, selected(byList)],
  [109, selected(relative)],
  [110, selected(relative)],
]

const LIST_MODIFIES: Table = [
  [0, index],
  [1, valueAndPolicy],
  [
    2,
    random => [
      listOfValues(random),
      ...optional(
        random,
        () => 1,
        () => random.integer(0, 15),
      ),
    ],
  ],
  [3, random => [small(random), ...valueAndPolicy(random)]],
  [4, random => [small(random), listOfValues(random), ...optional(random, () => random.integer(0, 15))]],
  [5, index],
  [6, indexAndCount],
  [7, index],
  [8, indexAndCount],
  [9, random => [small(random), ...valueAndPolicy(random)]],
  [10, random => [small(random), small(random)]],
  [11, nothing],
  [
    12,
    random => [
      small(random),
      ...optional(
        random,
        () => anyValue(random, 3),
        () => 0,
        () => 4,
      ),
    ],
  ],
  [13, index],
  [32, selected(index)],
  [36, selected(byList)],
  [37, selected(indexAndCount)],
  [40, selected(relative)],
]

const MAP_MODIFIES: Table = [
  [64, index],
  [65, keyAndValue],
  [66, items],
  [67, keyAndValue],
  [68, items],
  [69, keyAndValue],
  [
    73,
    random => [
      anyKey(random),
      ...optional(
        random,
        () => anyValue(random, 3),
        () => 1,
      ),
    ],
  ],
  [75, nothing],
  [81, selected(byList)],
  [84, selected(byInterval)],
  [87, selected(indexAndCount)],
  [89, selected(relative)],
]

const LEVELS: readonly [number, ...number[]] = [
  0x10, 0x11, 0x13, 0x20, 0x21, 0x22, 0x23, 0x50, 0x90, 0xd0, 0x62,
]

function context(random: Random): Term[] {
  return random
    .times(random.integer(1, 3), () => [
      random.pick(LEVELS),
      random.chance(0.5) ? small(random) : anyKey(random),
    ])
    .flat()
}

/** The payload of an operation on a list or map, now and then with a context. */
export function collectionOperation(random: Random, isList: boolean, isRead: boolean): Buffer {
  const table = isList ? (isRead ? LIST_READS : LIST_MODIFIES) : isRead ? MAP_READS : MAP_MODIFIES
  const [code, draw] = random.pick(table)
  const operation: Term = [code, ...draw(random)]
  return pack(random.chance(0.7) ? operation : [0xff, context(random), operation])
}

const BIT_CODES_MODIFY_MAX = 12
const BIT_CODE_READ_MIN = 50

/** The payload of an operation on a blob (protocol 8.8). */
export function bitOperation(random: Random, isRead: boolean): Buffer {
  const offset = random.integer(-40, 80)
  const size = random.pick([0, 1, 7, 8, 9, 33, 64, 65])
  if (isRead) {
    return pack([BIT_CODE_READ_MIN + random.integer(0, 4), offset, size, ...optional(random, () => true)])
  }
  const value = random.chance(0.5) ? random.bytes(random.integer(0, 9)) : anyValue(random, 3)
  const rest = optional(
    random,
    () => random.integer(0, 15),
    () => random.integer(0, 7),
  )
  return pack([random.integer(0, BIT_CODES_MODIFY_MAX), offset, size, value, ...rest])
}
