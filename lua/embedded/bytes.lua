-- The `bytes` library and its objects.
--
-- State: the content as `text`, a string, or as `array`, an integer per byte, or both when they agree: whoever writes one
-- drops the other. `capacity` is what the constructor asked for, if there was one: it leaves the size at 0.
local core = ...

local ipairs, math_max, math_type, next = ipairs, math.max, math.type, next
local select, type = select, type
local string_byte, string_char, string_format, string_rep = string.byte, string.char, string.format, string.rep
local string_gsub, string_pack, string_sub, string_unpack = string.gsub, string.pack, string.sub, string.unpack
local table_concat, table_move, table_unpack = table.concat, table.move, table.unpack
local getuservalue = debug.getuservalue
local box, box_as, integer_argument = core.box, core.box_as, core.integer_argument
local operand_as_integer = core.operand_as_integer

local TYPE_BLOB = 4
local UNPACK_MAX = 4096 -- bytes that go through the stack at once; beyond, a read of one is not worth an array

local Bytes = { __name = 'Bytes' }
core.metatables.Bytes = Bytes

local function new(text, particle_type)
  return { is = 'Bytes', text = text, size = #text, type = particle_type or TYPE_BLOB }
end
core.new_bytes = new

local function state_of(value)
  local state = getuservalue(value, 1)
  if state and state.is == 'Bytes' then return state end
end

local function self_of(...)
  local self = ...
  local state = getuservalue(self, 1)
  if state and state.is == 'Bytes' then return state end
  core.not_an_object(1, 'Bytes', ...)
end

-- The content as a string.
local function text_of(state)
  local text = state.text
  if text then return text end
  local pieces, array, size = {}, state.array, state.size
  for first = 1, size, UNPACK_MAX do
    local last = first + UNPACK_MAX - 1
    pieces[#pieces + 1] = string_char(table_unpack(array, first, last < size and last or size))
  end
  text = table_concat(pieces)
  state.text = text
  return text
end
core.text_of_bytes = text_of

-- The content as an array. Entries beyond the size are left of integers of variable length, see set_var_int.
local function array_of(state)
  local array = state.array
  if array then return array end
  local text = state.text
  array = { string_byte(text, 1, UNPACK_MAX) }
  for first = UNPACK_MAX + 1, state.size, UNPACK_MAX do
    table_move({ string_byte(text, first, first + UNPACK_MAX - 1) }, 1, UNPACK_MAX, first, array)
  end
  state.array = array
  return array
end

local function grow(state, size)
  if size > state.size then
    local array = state.array
    for i = state.size + 1, size do array[i] = array[i] or 0 end
    state.size = size
  end
end

local function get_byte(state, position)
  if position < 1 or position > state.size then return nil end
  local text = state.text
  if text then return string_byte(text, position) end
  return state.array[position]
end

local function set_byte(state, position, value)
  if position < 1 or value < 0 or value > 255 then return false end
  local array = array_of(state)
  if position > state.size then grow(state, position) end
  array[position], state.text = value, nil
  return true
end

local function append_text(state, piece)
  local text = (state.text or text_of(state)) .. piece
  state.text, state.array, state.size = text, nil, #text
  return true
end

-- Writes a string at a position, growing the content and filling a gap with zeros.
local function set_text(state, position, piece)
  if position < 1 then return false end
  local text = text_of(state)
  local size = #text
  local before = string_sub(text, 1, position - 1)
  local gap = position - 1 - size
  if gap > 0 then before = before .. string_rep('\0', gap) end
  text = before .. piece .. string_sub(text, position + #piece)
  state.text, state.array, state.size = text, nil, #text
  return true
end

local library = {}

function library.size(...)
  local self = ...
  local state = getuservalue(self, 1)
  if state and state.is == 'Bytes' then return state.size end
  if select('#', ...) == 0 then return 0 end
  core.not_an_object(1, 'Bytes', ...)
end

function library.get_type(...)
  if select('#', ...) ~= 1 then return end
  return self_of(...).type
end

function library.set_type(...)
  if select('#', ...) ~= 2 then return false end
  local state, particle_type = self_of(...), integer_argument(2, 0, ...)
  if particle_type == 0 then return false end
  state.type = particle_type
  return true
end

-- Does not resize: only tells whether that size would fit.
function library.set_size(...)
  if select('#', ...) ~= 2 then return false end
  local state, size = self_of(...), integer_argument(2, 0, ...)
  return size >= 0 and size <= math_max(state.capacity or 0, state.size)
end

function library.get_byte(...)
  if select('#', ...) ~= 2 then return end
  local value = get_byte(self_of(...), integer_argument(2, 0, ...))
  if value then return value end
end

function library.set_byte(...)
  if select('#', ...) ~= 3 then return false end
  return set_byte(self_of(...), integer_argument(2, 0, ...), integer_argument(3, 0, ...))
end

function library.append_byte(...)
  if select('#', ...) ~= 2 then return false end
  local state = self_of(...)
  return set_byte(state, state.size + 1, integer_argument(2, 0, ...))
end

-- Integers of 2, 4 and 8 bytes, big-endian when the name does not say.
for _, width in ipairs({ 2, 4, 8 }) do
  local limit = width < 8 and 1 << (width * 8 - 1) or nil

  local function fits(value)
    return not limit or value >= -limit and value < limit
  end

  for suffix, order in next, { [''] = '>', _be = '>', _le = '<' } do
    local format, name = order .. 'i' .. width, 'int' .. width * 8 .. suffix

    library['get_' .. name] = function(...)
      if select('#', ...) ~= 2 then return end
      local state, position = self_of(...), integer_argument(2, 0, ...)
      if position < 1 or position + width - 1 > state.size then return end
      return (string_unpack(format, text_of(state), position))
    end

    library['set_' .. name] = function(...)
      if select('#', ...) ~= 3 then return false end
      local state, position = self_of(...), integer_argument(2, 0, ...)
      local value = integer_argument(3, 0, ...)
      return fits(value) and set_text(state, position, string_pack(format, value))
    end

    library['append_' .. name] = function(...)
      if select('#', ...) ~= 2 then return false end
      local state, value = self_of(...), integer_argument(2, 0, ...)
      return fits(value) and append_text(state, string_pack(format, value))
    end
  end
end

local function text_argument(position, ...)
  local value = select(position, ...)
  if type(value) == 'string' then return value end
  if type(value) == 'number' then return string_format('%s', value) end
  if value == nil then return '' end
  core.mistyped(position, 'string', ...)
end

function library.get_string(...)
  if select('#', ...) ~= 3 then return end
  local self, position, size = ...
  local state = getuservalue(self, 1)
  if not state or state.is ~= 'Bytes' then state = self_of(...) end
  if math_type(position) ~= 'integer' then position = integer_argument(2, 0, ...) end
  if math_type(size) ~= 'integer' then size = integer_argument(3, 0, ...) end
  if position < 1 or size < 0 then return end
  return string_sub(state.text or text_of(state), position, position + size - 1)
end

function library.set_string(...)
  if select('#', ...) ~= 3 then return false end
  local state, position = self_of(...), integer_argument(2, 0, ...)
  return set_text(state, position, text_argument(3, ...))
end

function library.append_string(...)
  if select('#', ...) ~= 2 then return false end
  local state, text = self_of(...), text_argument(2, ...)
  return text ~= '' and append_text(state, text)
end

function library.get_bytes(...)
  if select('#', ...) ~= 3 then return end
  local state, position, size = self_of(...), integer_argument(2, 0, ...), integer_argument(3, 0, ...)
  if position < 1 or size < 0 then return end
  return box(new(string_sub(text_of(state), position, position + size - 1)))
end

-- A size above that of the source is refused here unless there is room for it, and clamped by append_bytes. The server
-- then reads whatever lies behind the source; here these are zeros.
function library.set_bytes(...)
  if select('#', ...) ~= 4 then return false end
  local state, position = self_of(...), integer_argument(2, 0, ...)
  local source = state_of((select(3, ...))) or core.not_an_object(3, 'Bytes', ...)
  local size = integer_argument(4, 0, ...)
  if size < 0 then return false end
  local beyond = size - source.size
  if beyond <= 0 then return set_text(state, position, string_sub(text_of(source), 1, size)) end
  if position + size - 1 > math_max(state.capacity or 0, state.size) then return false end
  return set_text(state, position, text_of(source) .. string_rep('\0', beyond))
end

function library.append_bytes(...)
  if select('#', ...) ~= 3 then return false end
  local self, other, size = ...
  local state, source = getuservalue(self, 1), getuservalue(other, 1)
  if not state or state.is ~= 'Bytes' then state = self_of(...) end
  if not source or source.is ~= 'Bytes' then core.not_an_object(2, 'Bytes', ...) end
  if math_type(size) ~= 'integer' then size = integer_argument(3, 0, ...) end
  if size < 0 then return false end
  return append_text(state, string_sub(source.text or text_of(source), 1, size))
end

-- Groups of 7 bits, the lowest first. The size is not advanced: what lies beyond it can be read back by get_var_int only.
local function set_var_int(state, position, value)
  if position < 1 or value < -0x80000000 or value > 0x7fffffff then return 0 end
  local array, count = array_of(state), 0
  value, state.text = value & 0xffffffff, nil
  repeat
    local group = value & 0x7f
    value = value >> 7
    array[position + count] = value > 0 and group | 0x80 or group
    count = count + 1
  until value == 0
  return count
end

function library.set_var_int(...)
  if select('#', ...) ~= 3 then return 0 end
  return set_var_int(self_of(...), integer_argument(2, 0, ...), integer_argument(3, 0, ...))
end

function library.append_var_int(...)
  if select('#', ...) ~= 2 then return 0 end
  local state = self_of(...)
  return set_var_int(state, state.size + 1, integer_argument(2, 0, ...))
end

function library.get_var_int(...)
  if select('#', ...) ~= 2 then return end
  local state, position = self_of(...), integer_argument(2, 0, ...)
  if position < 1 then return end
  local array, value, count = array_of(state), 0, 0
  repeat
    local group = array[position + count] or 0
    value = value | (group & 0x7f) << (7 * count)
    count = count + 1
  until group < 0x80 or count == 5
  if value > 0x7fffffff then value = value - 0x100000000 end
  return value, count
end

function Bytes:__index(key)
  local state = getuservalue(self, 1)
  local array = state.array or state.size <= UNPACK_MAX and array_of(state)
  local value = array and array[key]
  if value and key <= state.size then return value end
  return get_byte(state, operand_as_integer('index', 2, key))
end

function Bytes:__newindex(key, value)
  if math_type(key) ~= 'integer' then key = operand_as_integer('newindex', 2, key) end
  if math_type(value) ~= 'integer' then value = operand_as_integer('newindex', 3, value) end
  set_byte(getuservalue(self, 1), key, value)
end

-- The server's operator of length looks at its second operand: it always answers 0.
function Bytes:__len()
  return 0
end

local function hexadecimal(text)
  return (string_gsub(string_gsub(text, '.', function(c) return string_format('%02X ', string_byte(c)) end), ' $', ''))
end
core.hexadecimal = hexadecimal

function Bytes:__tostring()
  local text = text_of(getuservalue(self, 1))
  return text == '' and 'Bytes()' or hexadecimal(text)
end

local function construct(...)
  local count = select('#', ...)
  if count > 2 then return end
  local capacity = integer_argument(2, 0, ...)
  return box_as({ is = 'Bytes', text = '', size = 0, type = TYPE_BLOB, capacity = capacity }, Bytes)
end

core.libraries.bytes = core.library(library, construct)
core.libraries.Bytes = Bytes
