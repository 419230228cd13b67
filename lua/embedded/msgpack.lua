-- The server's dialect of msgpack: strings and blobs share one family and start with their particle type, and an ordered
-- list or map has an extension element (a pair, in a map) with its flags in front.
local core = ...

local assert, error, math_type, next, type = assert, error, math.type, next, type
local string_byte, string_char, string_pack = string.byte, string.char, string.pack
local string_sub, string_unpack, table_concat, table_sort = string.sub, string.unpack, table.concat, table.sort
local c_string, NIL = core.c_string, core.NIL
local new_bytes, new_geojson, new_map, to_script = core.new_bytes, core.new_geojson, core.new_map, core.to_script

local TYPE_STRING, TYPE_BLOB, TYPE_GEOJSON = 3, 4, 23
local FLAG_ORDERED = 1
local FLAGS_KEPT = 3 -- order by key, by value; the others are orders to the server, not properties of the value
local NOT_A_NUMBER = '\xff\xf8\0\0\0\0\0\0' -- as an x86 processor makes it

-- Decoding ------------------------------------------------------------------------------------------------------------

-- The width of the size that follows a head byte.
local TEXT_SIZES = { [0xd9] = 1, [0xda] = 2, [0xdb] = 4, [0xc4] = 1, [0xc5] = 2, [0xc6] = 4 }
local LIST_SIZES = { [0xdc] = 2, [0xdd] = 4 }
local MAP_SIZES = { [0xde] = 2, [0xdf] = 4 }
local EXTENSION_SIZES = { [0xc7] = 1, [0xc8] = 2, [0xc9] = 4 }
local SIZE_FORMATS = { [1] = '>I1', [2] = '>I2', [4] = '>I4' }

-- Values of a fixed width behind their head byte.
local FIXED = {
  [0xca] = '>f', [0xcb] = '>d',
  [0xcc] = '>I1', [0xcd] = '>I2', [0xce] = '>I4', [0xcf] = '>i8',
  [0xd0] = '>i1', [0xd1] = '>i2', [0xd2] = '>i4', [0xd3] = '>i8',
}
local FIXED_WIDTHS = {
  [0xc0] = 0, [0xc2] = 0, [0xc3] = 0, [0xca] = 4, [0xcb] = 8,
  [0xcc] = 1, [0xcd] = 2, [0xce] = 4, [0xcf] = 8, [0xd0] = 1, [0xd1] = 2, [0xd2] = 4, [0xd3] = 8,
  [0xd4] = 2, [0xd5] = 3, [0xd6] = 5, [0xd7] = 9, [0xd8] = 17,
}

-- The kind of container or text at a position, the number of its elements or bytes, and where they begin.
local function read_head(data, position)
  local head = string_byte(data, position)
  if head >= 0xa0 and head <= 0xbf then return 'text', head & 0x1f, position + 1 end
  if head >= 0x90 and head <= 0x9f then return 'list', head & 0x0f, position + 1 end
  if head >= 0x80 and head <= 0x8f then return 'map', head & 0x0f, position + 1 end
  local kind, width = 'text', TEXT_SIZES[head]
  if not width then kind, width = 'list', LIST_SIZES[head] end
  if not width then kind, width = 'map', MAP_SIZES[head] end
  if not width then kind, width = 'extension', EXTENSION_SIZES[head] end
  if not width then error('malformed msgpack') end
  local size = string_unpack(SIZE_FORMATS[width], data, position + 1)
  return kind, size, position + 1 + width
end

-- The position behind the value at `position`.
local function skip(data, position)
  local head = string_byte(data, position)
  if head <= 0x7f or head >= 0xe0 then return position + 1 end
  if head == 0xd9 then return position + 2 + string_byte(data, position + 1) end
  local width = FIXED_WIDTHS[head]
  if width then return position + 1 + width end
  local kind, size, first = read_head(data, position)
  if kind == 'text' then return first + size end
  if kind == 'extension' then return first + size + 1 end
  for _ = 1, kind == 'map' and 2 * size or size do first = skip(data, first) end
  return first
end

-- The flags in front of the elements of a container, if there are any: flags, position behind them, or nil.
local function read_flags(data, position, size)
  if size > 0 and string_byte(data, position) == 0xc7 then
    return string_byte(data, position + 2) & FLAGS_KEPT, position + 3 + string_byte(data, position + 1)
  end
end

local decode

local function decode_text(data, position, size)
  assert(position + size - 1 <= #data, 'truncated msgpack')
  if size == 0 then return new_bytes('', 0) end
  local particle_type, text = string_byte(data, position), string_sub(data, position + 1, position + size - 1)
  if particle_type == TYPE_STRING then return c_string(text) end
  if particle_type == TYPE_GEOJSON then return new_geojson(c_string(text)) end
  return new_bytes(text, particle_type)
end

local function decode_list(data, position, size, stored)
  local flags, behind = read_flags(data, position, size)
  if flags then position, size = behind, size - 1 end
  local positions = {}
  for i = 1, size do
    positions[i] = position
    position = skip(data, position)
  end
  assert(position - 1 <= #data, 'truncated msgpack')
  positions[size + 1] = position
  return core.new_encoded_list(data, positions, size, flags or 0, stored), position
end

local function decode_map(data, position, size, stored)
  local flags, behind = read_flags(data, position, size)
  if flags then position, size = behind + 1, size - 1 end
  local state = new_map(flags)
  for _ = 1, size do
    local key, value
    key, position = decode(data, position, stored)
    value, position = decode(data, position, stored)
    core.set_decoded(state, key, value)
  end
  return state, position
end

-- The value at a position, as lists keep it, and the position behind it.
function decode(data, position, stored)
  local head = string_byte(data, position)
  if head <= 0x7f then return head, position + 1 end
  if head >= 0xe0 then return head - 256, position + 1 end
  local format = FIXED[head]
  if format then return string_unpack(format, data, position + 1) end
  if head == 0xc2 or head == 0xc3 then return head == 0xc3, position + 1 end
  if FIXED_WIDTHS[head] then return NIL, position + 1 + FIXED_WIDTHS[head] end
  local kind, size, first = read_head(data, position)
  if kind == 'text' then return decode_text(data, first, size), first + size end
  if kind == 'list' then return decode_list(data, first, size, stored) end
  if kind == 'map' then return decode_map(data, first, size, stored) end
  return NIL, first + size + 1
end
core.decode = decode

-- Puts the elements of a list into `target`, as scripts see them, and answers their number. Anything but a list has none.
function core.decode_arguments(data, target)
  local kind, size, first = read_head(data, 1)
  if kind ~= 'list' then return 0 end
  local flags, behind = read_flags(data, first, size)
  if flags then first, size = behind, size - 1 end
  for i = 1, size do
    local value
    value, first = decode(data, first, false)
    target[i] = to_script(value)
  end
  return size
end

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

local function text_head(size)
  if size <= 0x1f then return string_char(0xa0 + size) end
  if size <= 0xff then return string_pack('BB', 0xd9, size) end
  if size <= 0xffff then return string_pack('>BI2', 0xda, size) end
  return string_pack('>BI4', 0xdb, size)
end

local function add_text(pieces, particle_type, text)
  local count = #pieces
  pieces[count + 1] = text_head(#text + 1)
  pieces[count + 2] = string_char(particle_type)
  pieces[count + 3] = text
end

local add

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

  -- Elements that are still encoded are copied in runs. A result could differ from them in the flags of inner lists.
  local positions = for_bin and state.stored and state.positions
  local i = 1
  while i <= size do
    local value = items[i]
    if value == nil and positions then
      local first = positions[i]
      repeat i = i + 1 until i > size or items[i] ~= nil
      pieces[#pieces + 1] = string_sub(state.source, first, positions[i] - 1)
    else
      add(pieces, value == nil and core.list_item(state, i) or value, for_bin)
      i = i + 1
    end
  end
end

local function add_map(pieces, state, for_bin)
  local flags = state.flags
  pieces[#pieces + 1] = container_head(flags > 0 and state.size + 1 or state.size, 0x80, 0xde, 0xdf)
  if flags > 0 then pieces[#pieces + 1] = string_char(0xc7, 0, flags, 0xc0) end
  local keys, values = core.sorted_keys(state), state.values
  for i = 1, #keys do
    local key = keys[i]
    if type(key) == 'number' then
      pieces[#pieces + 1] = encode_integer(key)
    elseif string_byte(key) == 0 then
      add_text(pieces, TYPE_BLOB, string_sub(key, 2))
    else
      add_text(pieces, TYPE_STRING, key)
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
    add_text(pieces, TYPE_STRING, value)
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
