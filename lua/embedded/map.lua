-- The `map` library and its objects.
--
-- State: `values[key]` (NIL for a stored nil) for `size` keys. A key is an integer, a string, or a bytes object, which is
-- kept as its content behind a zero byte: no string key has one. `sorted` caches the keys in the order of the server:
-- integers, strings, bytes.
local core = ...

local ipairs, math_type, next, select, type = ipairs, math.type, next, select, type
local string_byte, string_format, string_sub = string.byte, string.format, string.sub
local table_concat, table_sort = table.concat, table.sort
local getuservalue = debug.getuservalue
local box, integer_argument, to_stored, to_script = core.box, core.integer_argument, core.to_stored, core.to_script
local c_string, plain_texts, text_of_bytes, NIL = core.c_string, core.plain_texts, core.text_of_bytes, core.NIL

local Map = { __name = 'Map' }
core.metatables.Map = Map

-- What `values` is indexed by, or nil for a value that is no key. A float is none, whatever its value.
local function key_of(value)
  if plain_texts[value] then return value end
  if type(value) == 'string' then return c_string(value) end
  if math_type(value) == 'integer' then return value end
  local state = getuservalue(value, 1)
  if state and state.is == 'Bytes' then return '\0' .. text_of_bytes(state) end
end

local function is_bytes_key(key)
  return type(key) == 'string' and string_byte(key) == 0
end

-- A key as lists would keep it.
local function value_of_key(key)
  return is_bytes_key(key) and core.new_bytes(string_sub(key, 2)) or key
end

local function new()
  return { is = 'Map', values = {}, size = 0, flags = 0 }
end

function core.new_decoded_map(values, size, flags)
  return { is = 'Map', values = values, size = size, flags = flags }
end

local function state_of(value)
  local state = getuservalue(value, 1)
  if state and state.is == 'Map' then return state end
end

local function self_of(...)
  local self = ...
  return state_of(self) or core.not_an_object(1, 'Map', ...)
end

local function rank_of_key(key)
  if plain_texts[key] then return 2 end
  if type(key) == 'number' then return 1 end
  return is_bytes_key(key) and 3 or 2
end

local function key_less(a, b)
  local rank, other = rank_of_key(a), rank_of_key(b)
  if rank ~= other then return rank < other end
  return a < b
end

local function sorted_keys(state)
  local sorted = state.sorted
  if sorted then return sorted end
  sorted = {}
  local count, rank, is_mixed = 0, nil, false
  for key in next, state.values do
    local other = rank_of_key(key)
    is_mixed, rank = is_mixed or count > 0 and rank ~= other, other
    count = count + 1
    sorted[count] = key
  end
  if count > 1 then table_sort(sorted, is_mixed and key_less or nil) end
  state.sorted = sorted
  return sorted
end
core.sorted_keys = sorted_keys

local function set(state, key, value)
  local values = state.values
  if values[key] == nil then
    state.size = state.size + 1
    state.sorted = nil
  end
  values[key] = value
end

local function remove(state, key)
  local values = state.values
  if values[key] ~= nil then
    values[key] = nil
    state.size = state.size - 1
    state.sorted = nil
  end
end

local library = {}

function library.new(...)
  if select('#', ...) ~= 1 or integer_argument(1, 0, ...) < 1 then return end
  return box(new())
end
library.create = library.new

function library.size(...)
  return self_of(...).size
end

function library.remove(...)
  local state, key = self_of(...), key_of((select(2, ...)))
  if key ~= nil then remove(state, key) end
end

library.pairs = core.iteration('Map', self_of, function(state, place)
  local key = sorted_keys(state)[place]
  return to_script(value_of_key(key)), to_script(state.values[key])
end)
library.iterator = library.pairs
library.keys = core.iteration('Map', self_of, function(state, place)
  return to_script(value_of_key(sorted_keys(state)[place]))
end)
library.values = core.iteration('Map', self_of, function(state, place)
  return to_script(state.values[sorted_keys(state)[place]])
end)

local function copy(source)
  local state = new()
  for key, value in next, source.values do set(state, key, value) end
  return state
end

function library.clone(...)
  return box(copy(self_of(...)))
end

-- What is in both is taken from the second map, or from `combine`, unless the first one's value or the answer is falsy.
function library.merge(...)
  local first = self_of(...)
  local second = state_of((select(2, ...))) or core.not_an_object(2, 'Map', ...)
  local combine = select(3, ...)
  local merged = copy(first)
  for i = 1, second.size do
    local key = sorted_keys(second)[i]
    local ours, value = first.values[key], second.values[key]
    if type(combine) == 'function' and ours and ours ~= NIL then
      local combined = combine(to_script(ours), to_script(value))
      if combined then value = to_stored(combined) end
    end
    if value == nil then remove(merged, key) else set(merged, key, value) end
  end
  return box(merged)
end

-- The entries whose keys are in exactly one of the two.
function library.diff(...)
  local first = self_of(...)
  local second = state_of((select(2, ...))) or core.not_an_object(2, 'Map', ...)
  local state = new()
  for key, value in next, first.values do
    if second.values[key] == nil then set(state, key, value) end
  end
  for key, value in next, second.values do
    if first.values[key] == nil then set(state, key, value) end
  end
  return box(state)
end

local function display(state)
  local pieces = {}
  for i, key in ipairs(sorted_keys(state)) do
    pieces[i] = string_format('%s:%s', core.display(value_of_key(key)), core.display(state.values[key]))
  end
  return string_format('{%s}', table_concat(pieces, ', '))
end
core.display_map = display

function library.tostring(...)
  return display(self_of(...))
end

function library.nbytes(...)
  return #core.encode_result(self_of(...))
end

function Map:__index(key)
  if not plain_texts[key] then
    key = key_of(key)
    if key == nil then return nil end
  end
  return to_script(getuservalue(self, 1).values[key])
end

-- nil is stored as a value; a value that cannot be stored removes the entry, but a record leaves it alone.
function Map:__newindex(key, value)
  if not plain_texts[key] then
    key = key_of(key)
    if key == nil then return end
  end
  local state, stored = getuservalue(self, 1), to_stored(value)
  if stored ~= nil then
    set(state, key, stored)
  elseif type(value) ~= 'userdata' or not core.state_of(value) then
    remove(state, key)
  end
end

function Map:__len()
  return getuservalue(self, 1).size
end

function Map:__tostring()
  return display(getuservalue(self, 1))
end

-- Entries of a table whose key or value cannot be stored are left out.
local function construct(...)
  local _, source = ...
  local count = select('#', ...)
  local state = new()
  if count > 3 or type(source) ~= 'table' then return box(state) end
  if count == 3 then integer_argument(3, 0, ...) end
  for key_value, value in next, source do
    local key, stored = key_of(key_value), to_stored(value)
    if key ~= nil and stored ~= nil then set(state, key, stored) end
  end
  return box(state)
end

core.libraries.map = core.library(library, construct)
core.libraries.Map = Map
