-- The server's dialect of msgpack: strings and blobs share one family and start with their particle type, and an ordered
-- list or map has an extension element (a pair, in a map) with its flags in front.
local core = ...

local math_type, next, type = math.type, next, type
local string_byte, string_char, string_pack = string.byte, string.char, string.pack
local string_sub, table_concat, table_sort = string.sub, table.concat, table.sort
local plain_texts, NIL = core.plain_texts, core.NIL
local TYPE_STRING, TYPE_BLOB, TYPE_GEOJSON = 3, 4, 23
local FLAG_ORDERED = 1
local ENCODED_STRINGS_MAX = 1000
local ENCODED_STRING_BYTES_MAX = 40
local NOT_A_NUMBER = '\xff\xf8\0\0\0\0\0\0' -- as an x86 processor makes it

-- Decoding is the host's, as it is much faster there (see msgpack-decoder.ts):
--   core.decode(data, position)                     the value at a position, as lists keep it
--   core.decode_arguments(data, position, behind)   the elements of the list from a position to before another, as
--                                                   scripts see them
core.decode, core.decode_arguments = core.decoders(NIL, core.box, core.new_bytes, core.new_geojson, core.new_list,
  core.new_encoded_list, core.new_decoded_map)

-- Order ---------------------------------------------------------------------------------------------------------------

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

-- Encoding ------------------------------------------------------------------------------------------------------------

local function encode_integer(value)
  if value >= 0 then
    if value <= 0x7f then return string_char(value) end
    if value <= 0xff then return string_pack('BB', 0xcc, value) end
    if value <= 0xffff then return string_pack('>BI2', 0xcd, value) end
    if value <= 0xffffffff then return string_pack('>BI4', 0xce, value) end
    return string_pack('>Bi8', 0xcf, value)
  end
  if value >= -0x20 then return string_char(value + 256) end
  if value >= -0x80 then return string_pack('>Bi1', 0xd0, value) end
  if value >= -0x8000 then return string_pack('>Bi2', 0xd1, value) end
  if value >= -0x80000000 then return string_pack('>Bi4', 0xd2, value) end
  return string_pack('>Bi8', 0xd3, value)
end

local function encode_double(value)
  return value == value and string_pack('>d', value) or NOT_A_NUMBER
end
core.encode_double = encode_double

local function container_head(size, short, medium, long)
  if size <= 0x0f then return string_char(short + size) end
  if size <= 0xffff then return string_pack('>BI2', medium, size) end
  return string_pack('>BI4', long, size)
end

local function text_head(size, particle_type)
  if size <= 0x1f then return string_char(0xa0 + size, particle_type) end
  if size <= 0xff then return string_char(0xd9, size, particle_type) end
  if size <= 0xffff then return string_pack('>BI2B', 0xda, size, particle_type) end
  return string_pack('>BI4B', 0xdb, size, particle_type)
end

-- Strings that are encoded again and again: the keys of maps above all.
local encoded_strings, encoded_strings_left = {}, ENCODED_STRINGS_MAX

local function encoded_string(text)
  local encoded = encoded_strings[text]
  if encoded then return encoded end
  encoded = text_head(#text + 1, TYPE_STRING) .. text
  if #text <= ENCODED_STRING_BYTES_MAX then
    if encoded_strings_left == 0 then encoded_strings, encoded_strings_left = {}, ENCODED_STRINGS_MAX end
    encoded_strings[text], encoded_strings_left = encoded, encoded_strings_left - 1
  end
  return encoded
end

local function add_text(pieces, particle_type, text)
  local count = #pieces
  pieces[count + 1] = text_head(#text + 1, particle_type)
  pieces[count + 2] = text
end

local add

-- The elements of a list: what nobody touched is copied as it is.
local function add_partly_encoded_list(pieces, state)
  local items, touched = state.items, {}
  for i in next, items do touched[#touched + 1] = i end
  if #touched > 1 then table_sort(touched) end
  local first = 1
  for n = 1, #touched do
    local i = touched[n]
    if i > first then pieces[#pieces + 1] = core.encoded_elements(state, first, i - 1) end
    add(pieces, items[i], true)
    first = i + 1
  end
  if first <= state.size then pieces[#pieces + 1] = core.encoded_elements(state, first, state.size) end
end

-- An ordered list is stored in order; as a result it is answered as it is, and without its flags.
local function add_list(pieces, state, for_bin)
  local size, flags = state.size, for_bin and state.flags or 0
  pieces[#pieces + 1] = container_head(flags > 0 and size + 1 or size, 0x90, 0xdc, 0xdd)
  if flags > 0 then pieces[#pieces + 1] = string_char(0xc7, 0, flags) end

  local items = state.items
  if flags & FLAG_ORDERED ~= 0 and next(items) ~= nil then
    local ordered = {}
    for i = 1, size do ordered[i] = core.list_item(state, i) end
    table_sort(ordered, less)
    for i = 1, size do add(pieces, ordered[i], for_bin) end
    return
  end

  -- A result could differ from what is still encoded in the flags of inner lists.
  if for_bin and state.positions then return add_partly_encoded_list(pieces, state) end
  for i = 1, size do add(pieces, core.list_item(state, i), for_bin) end
end

local function add_map(pieces, state, for_bin)
  local flags = state.flags
  pieces[#pieces + 1] = container_head(flags > 0 and state.size + 1 or state.size, 0x80, 0xde, 0xdf)
  if flags > 0 then pieces[#pieces + 1] = string_char(0xc7, 0, flags, 0xc0) end
  local keys, values = core.sorted_keys(state), state.values
  for i = 1, #keys do
    local key = keys[i]
    if plain_texts[key] then
      pieces[#pieces + 1] = encoded_string(key)
    elseif type(key) == 'number' then
      pieces[#pieces + 1] = encode_integer(key)
    elseif string_byte(key) == 0 then
      add_text(pieces, TYPE_BLOB, string_sub(key, 2))
    else
      pieces[#pieces + 1] = encoded_string(key)
    end
    add(pieces, values[key], for_bin)
  end
end

local function add_object(pieces, state, for_bin)
  local kind = state.is
  if kind == 'Bytes' then
    add_text(pieces, state.type & 0xff, core.text_of_bytes(state))
  elseif kind == 'List' then
    add_list(pieces, state, for_bin)
  elseif kind == 'Map' then
    add_map(pieces, state, for_bin)
  elseif kind == 'GeoJSON' then
    add_text(pieces, TYPE_GEOJSON, state.text)
  else
    pieces[#pieces + 1] = '\xc0'
  end
end

function add(pieces, value, for_bin)
  local kind = type(value)
  if kind == 'string' then
    pieces[#pieces + 1] = encoded_string(value)
  elseif kind == 'table' then
    add_object(pieces, value, for_bin)
  elseif kind == 'number' then
    pieces[#pieces + 1] = math_type(value) == 'integer' and encode_integer(value) or '\xcb' .. encode_double(value)
  else
    pieces[#pieces + 1] = value and '\xc3' or '\xc2'
  end
end

local function encode(value, for_bin)
  local pieces = {}
  add(pieces, value, for_bin)
  return table_concat(pieces)
end

function core.encode_for_bin(value)
  return encode(value, true)
end

function core.encode_result(value)
  return encode(value, false)
end
