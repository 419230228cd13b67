-- The `list` library and its objects.
--
-- State: `size` elements. Element i is `items[i]` (NIL for a stored nil) when that is set; else it is still encoded, from
-- the i-th of `positions` to before the next in `source`. A list out of a bin is decoded element by element when a script
-- touches it, and what nobody touched is copied as it is when the list is encoded again.
local core = ...

local math_type, next, select, type = math.type, next, select, type
local string_format, string_unpack = string.format, string.unpack
local table_concat, table_insert, table_remove = table.concat, table.insert, table.remove
local getuservalue = debug.getuservalue
local box, integer_argument, operand_as_integer = core.box, core.integer_argument, core.operand_as_integer
local to_stored, to_script, NIL = core.to_stored, core.to_script, core.NIL

local List = { __name = 'List' }
core.metatables.List = List

local function new(items, size, flags)
  return { is = 'List', items = items, size = size, flags = flags or 0 }
end
core.new_list = new

-- A list that is still encoded, in the form in which bins keep it.
function core.new_encoded_list(source, positions, size, flags)
  return { is = 'List', items = {}, size = size, flags = flags, source = source, positions = positions }
end

local function state_of(value)
  local state = getuservalue(value, 1)
  if state and state.is == 'List' then return state end
end

local function self_of(...)
  local self = ...
  local state = getuservalue(self, 1)
  if state and state.is == 'List' then return state end
  core.not_an_object(1, 'List', ...)
end

-- Where element i begins in a list that is still encoded.
local function position_of(state, i)
  return (string_unpack('<I4', state.positions, 4 * i - 3))
end

-- Element i, which has to exist, as lists keep it.
local function item(state, i)
  local items = state.items
  local value = items[i]
  if value ~= nil then return value end
  value = core.decode(state.source, position_of(state, i))
  items[i] = value
  return value
end
core.list_item = item

local function get(state, i)
  if i < 1 or i > state.size then return nil end
  return to_script(item(state, i))
end

-- Decodes all elements, for operations that shift them.
local function decoded_items(state)
  if state.positions then
    for i = 1, state.size do item(state, i) end
    state.source, state.positions = nil, nil
  end
  return state.items
end

local function pad(state, size)
  local items = state.items
  for i = state.size + 1, size do items[i] = NIL end
  if size > state.size then state.size = size end
end

local function set(state, i, value)
  if i < 1 then return end
  if i > state.size then pad(state, i) end
  state.items[i] = value
end

local function append(state, value)
  local size = state.size + 1
  state.items[size] = value
  state.size = size
end

local function slice(state, first, last)
  local items = {}
  for i = first, last do items[i - first + 1] = item(state, i) end
  return new(items, last - first + 1)
end

local function append_all(state, source)
  for i = 1, source.size do append(state, item(source, i)) end
end

local library = {}

function library.new(...)
  local count = select('#', ...)
  if count == 0 or count > 2 then return end
  local capacity = integer_argument(1, -1, ...)
  integer_argument(2, 0, ...)
  if capacity < 0 then return end
  return box(new({}, 0))
end
library.create = library.new

function library.size(...)
  return self_of(...).size
end

function library.append(...)
  local state, value = self_of(...), to_stored((select(2, ...)))
  if select('#', ...) < 2 or value == nil then return end
  append(state, value)
end

function library.prepend(...)
  local state, value = self_of(...), to_stored((select(2, ...)))
  if select('#', ...) < 2 or value == nil then return end
  table_insert(decoded_items(state), 1, value)
  state.size = state.size + 1
end

function library.insert(...)
  local state, i, value = self_of(...), integer_argument(2, 0, ...), to_stored((select(3, ...)))
  if select('#', ...) < 3 or value == nil or i < 1 then return end
  if i > state.size then return set(state, i, value) end
  table_insert(decoded_items(state), i, value)
  state.size = state.size + 1
end

function library.remove(...)
  local state, i = self_of(...), integer_argument(2, 0, ...)
  if i < 1 or i > state.size then return end
  table_remove(decoded_items(state), i)
  state.size = state.size - 1
end

-- Removes element i and all after it.
function library.trim(...)
  local state, first = self_of(...), integer_argument(2, 0, ...)
  if first < 1 or first > state.size then return end
  local items = decoded_items(state)
  for i = first, state.size do items[i] = nil end
  state.size = first - 1
end

function library.take(...)
  local state, count = self_of(...), integer_argument(2, 0, ...)
  if count < 1 then return nil end
  return box(slice(state, 1, count < state.size and count or state.size))
end

function library.drop(...)
  local state, count = self_of(...), integer_argument(2, 0, ...)
  if count < 1 then return nil end
  return box(slice(state, (count < state.size and count or state.size) + 1, state.size))
end

function library.concat(...)
  local state = self_of(...)
  append_all(state, state_of((select(2, ...))) or core.not_an_object(2, 'List', ...))
end

function library.clone(...)
  local state = self_of(...)
  return box(slice(state, 1, state.size))
end

function library.merge(...)
  local state = self_of(...)
  local other = state_of((select(2, ...))) or core.not_an_object(2, 'List', ...)
  local merged = slice(state, 1, state.size)
  append_all(merged, other)
  return box(merged)
end

library.iterator = core.iteration('List', self_of, get)

local function display(state)
  local pieces = {}
  for i = 1, state.size do pieces[i] = core.display(item(state, i)) end
  return string_format('[%s]', table_concat(pieces, ', '))
end
core.display_list = display

function library.tostring(...)
  return display(self_of(...))
end

function library.nbytes(...)
  return #core.encode_result(self_of(...))
end

function List:__index(key)
  local state = getuservalue(self, 1)
  local value = state.items[key]
  if value ~= nil then return to_script(value) end
  if math_type(key) ~= 'integer' then key = operand_as_integer('index', 2, key) end
  return get(state, key)
end

function List:__newindex(key, value)
  if math_type(key) ~= 'integer' then key = operand_as_integer('newindex', 2, key) end
  value = to_stored(value)
  if value ~= nil then set(getuservalue(self, 1), key, value) end
end

function List:__len()
  return getuservalue(self, 1).size
end

function List:__tostring()
  return display(getuservalue(self, 1))
end

-- A table gives the values at its number keys, in the order of `next`; what cannot be stored becomes nil.
local function construct(...)
  local _, source = ...
  local items, size = {}, 0
  if select('#', ...) == 2 and type(source) == 'table' then
    for key, value in next, source do
      if type(key) == 'number' then
        size = size + 1
        local stored = to_stored(value)
        items[size] = stored == nil and NIL or stored
      end
    end
  end
  return box(new(items, size))
end

core.libraries.list = core.library(library, construct)
core.libraries.List = List
