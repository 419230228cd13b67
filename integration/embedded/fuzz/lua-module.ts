import { encodeFrame, encodeInfoRequest, FRAME_TYPES } from '../../../lib/protocol/index.ts'

/** No loops, and nothing that logs: a mutated source may still be registered, and called. */
export const LUA_SOURCE = `
function echo(rec, value) return value end
function put(rec, value) rec.l = value if aerospike:exists(rec) then return aerospike:update(rec) end return aerospike:create(rec) end
function grow(rec, value) local l = rec.l or list() list.append(l, value) rec.l = l return list.size(l) end
function keys(rec, value) local m = map() m[value] = 1 m.x = list{1, 2} return m end
function blob(rec, size) local b = bytes(size) bytes.set_int32(b, 1, size) return b end
function pass(stream) return stream end
`
export const MODULE_NAME = 'fuzz'
export const MODULE_FILENAME = `${MODULE_NAME}.lua`

/** The command that registers the functions that `udf` requests call. */
export function registerModule(source: string): Buffer {
  const content = Buffer.from(source).toString('base64')
  return encodeFrame(
    FRAME_TYPES.INFO,
    encodeInfoRequest([
      `udf-put:filename=${MODULE_FILENAME};content=${content};content-len=${content.length};udf-type=LUA;`,
    ]),
  )
}
