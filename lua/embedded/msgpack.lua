-- The server's dialect of msgpack. The host reads and writes it, as it is much faster there (see msgpack-decoder.ts and
-- msgpack-encoder.ts):
--   core.decode(data, position)                     the value at a position, as lists keep it
--   core.decode_arguments(data, position, behind)   the elements of the list from a position to before another, as
--                                                   scripts see them
--   core.encode_for_bin(state)                      a list or map as text, in the form in which bins keep it
--   core.encode_result(state)                       the same, in the form in which results are answered
local core = ...

local math_type, table_sort, type = math.type, table.sort, type
local NIL = core.NIL

core.decode, core.decode_arguments = core.decoders(NIL, core.box, core.new_bytes, core.new_geojson, core.new_list,
  core.new_encoded_list, core.new_decoded_map)


local RANKS = { Nil = 1, List = 6, Map = 7, Bytes = 8, GeoJSON = 10 }

local function rank_of(value)
  if value == false then return 2 end
  if value == true then return 3 end
  if type(value) == 'number' then return math_type(value) == 'integer' and 4 or 9 end
  if type(value) == 'string' then return 5 end
  return RANKS[value.is]
end

local less

local function list_less(a, b)
  for i = 1, a.size < b.size and a.size or b.size do
    local x, y = core.list_item(a, i), core.list_item(b, i)
    if less(x, y) then return true end
    if less(y, x) then return false end
  end
  return a.size < b.size
end

local function map_less(a, b)
  if a.size ~= b.size then return a.size < b.size end
  local a_keys, b_keys = core.sorted_keys(a), core.sorted_keys(b)
  for i = 1, a.size do
    local x, y = a_keys[i], b_keys[i]
    if x ~= y then
      if type(x) ~= type(y) then return type(x) == 'number' end
      return x < y
    end
    local u, v = a.values[x], b.values[y]
    if less(u, v) then return true end
    if less(v, u) then return false end
  end
  return false
end

-- The order of the elements of an ordered list (protocol 8.1).
function less(a, b)
  local rank, other = rank_of(a), rank_of(b)
  if rank ~= other then return rank < other end
  if rank == 4 or rank == 5 or rank == 9 then return a < b end
  if rank < 4 then return false end
  if rank == 6 then return list_less(a, b) end
  if rank == 7 then return map_less(a, b) end
  if rank == 8 then return core.text_of_bytes(a) < core.text_of_bytes(b) end
  return a.text < b.text
end

-- The elements of an ordered list, in order.
local function ordered_items(state)
  local items = {}
  for i = 1, state.size do items[i] = core.list_item(state, i) end
  table_sort(items, less)
  return items
end

core.encode_for_bin, core.encode_result = core.encoders(ordered_items, core.list_item, core.text_of_bytes)
