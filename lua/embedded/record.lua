-- The `record` library, the record object, and the working record that `aerospike` changes.
--
-- Assigning a bin only changes a cache; `aerospike:create` and `aerospike:update` take the pending changes over into the
-- working record, encoded as they are at that moment; the host commits the working record when the function has
-- returned without an error (protocol 7.6).
--
-- The record comes as text in `data` from `position` on (see call-encoding.ts) and is read when a script first asks for
-- something: many functions look at a bin or two, some at none.
local core = ...

local error, ipairs, tostring, type = error, ipairs, tostring, type
local string_format, string_unpack = string.format, string.unpack
local getuservalue, integer_argument = debug.getuservalue, core.integer_argument
local to_stored, to_script, NIL = core.to_stored, core.to_script, core.NIL
local c_string, decode_particle = core.c_string, core.decode_particle

local BIN_NAME_BYTES_MAX = 15
local BINS_MAX = 512
local CREATED_RECORD_BYTES = 16 -- what the server says of a record that is not stored yet
local TTL_SECONDS_MAX = 10 * 365 * 24 * 60 * 60
local RESULT = { NOT_FOUND = 2, PARAMETER = 4, BIN_TYPE = 12, BIN_NAME = 21 }

local Record = { __name = 'Record' }
core.metatables.Record = Record

function core.new_record(data, position)
  return { is = 'Record', data = data, position = position, working = false }
end

-- Reads the record and makes its working record. The particle of bin `name` begins at `places[name]` of the data.
local function open_record(state)
  local data = state.data
  local existed, generation, ttl, last_update, size, digest, set_name, key_type, key, count, position =
    string_unpack('<BI4i8i8i8s1s1Bs4I4', data, state.position)
  local overfull = count > BINS_MAX
  local names, places = {}, {}
  for i = 1, overfull and 0 or count do
    local name, bytes
    name, position = string_unpack('<s1', data, position)
    names[i], places[name] = name, position
    bytes = string_unpack('<I4', data, position + 1)
    position = position + 5 + bytes
  end
  local working = {
    data = data,
    names = names,
    places = places,
    existed = existed ~= 0, -- before the call
    is_open = existed ~= 0, -- the same, or created in this call
    overfull = overfull,
    generation = generation,
    ttl = ttl,
    last_update = last_update,
    size = size,
    digest = digest,
    set_name = set_name,
    key_type = key_type,
    key = key,
    cache = {}, -- the values of bins that were read or assigned, NIL for a bin set to nil
    pending = {}, -- names of bins assigned since the last create or update, in order
    is_pending = {},
    encoded = {}, -- bins of the working record that are not as they came
    encoded_names = {}, -- their names, each once
    changed = false, -- something is to be committed, if only a touch
    lost_bins = false,
    drops_key = false,
    new_ttl = nil,
    refusal = nil, -- the result code with which a change cannot be committed
  }
  state.working = working
  return working
end

-- The working record in a box, or nil.
function core.working_record(value)
  local state = getuservalue(value, 1)
  if type(state) == 'table' and state.is == 'Record' then return state.working or open_record(state) end
end

local function self_of(...)
  return core.working_record((...)) or core.not_an_object(1, 'Record', ...)
end

local function is_present(record, name)
  return record.encoded[name] ~= nil or record.places[name] ~= nil
end

local function get_bin(record, name)
  local value = record.cache[name]
  if value == nil then
    local place = record.places[name]
    if not place then return nil end
    local particle_type, bytes, first = string_unpack('<BI4', record.data, place)
    value = decode_particle(particle_type, record.data, first, first + bytes - 1)
    record.cache[name] = value
  end
  if value ~= record then return value end
end

local function set_bin(record, name, value)
  record.cache[name] = value
  if not record.is_pending[name] then
    record.is_pending[name] = true
    record.pending[#record.pending + 1] = name
  end
end

-- The last bin takes the place of the one that goes, as in the server.
local function remove_bin(record, name)
  if not is_present(record, name) then return end
  record.lost_bins = true
  local names = record.names
  for i, other in ipairs(names) do
    if other == name then
      names[i] = names[#names]
      names[#names] = nil
      break
    end
  end
  record.places[name], record.encoded[name] = nil, nil
end

local function store_bin(record, name, value)
  if value == NIL then return remove_bin(record, name) end
  if not is_present(record, name) then record.names[#record.names + 1] = name end
  if not record.encoded[name] then record.encoded_names[#record.encoded_names + 1] = name end
  local particle_type, bytes = core.bin_particle(value)
  record.encoded[name] = { type = particle_type, bytes = bytes }
end

-- Takes the pending changes over into the working record. Answers what `create` and `update` answer.
local function apply_pending(record)
  record.changed = true
  for _, name in ipairs(record.pending) do
    if record.cache[name] == record then
      record.refusal = RESULT.BIN_TYPE
      return -1
    end
  end
  for _, name in ipairs(record.pending) do store_bin(record, name, record.cache[name]) end
  record.pending, record.is_pending = {}, {}
  record.refusal = (record.overfull or #record.names > BINS_MAX) and RESULT.BIN_NAME or nil
  return record.refusal and -1 or 0
end

-- A record without bins is as good as none.
function core.create_record(record)
  if record.is_open and (#record.names > 0 or record.overfull) then return 1 end
  record.is_open = true
  return apply_pending(record)
end

function core.update_record(record)
  if not record.is_open then return -2 end
  return apply_pending(record)
end

function core.remove_record(record)
  if not record.is_open then return 1 end
  record.names, record.places, record.encoded, record.encoded_names = {}, {}, {}, {}
  record.lost_bins = true
  record.cache, record.pending, record.is_pending = {}, {}, {}
  record.changed, record.overfull = true, false
  return 0
end

-- The result code with which the changes cannot be committed, or nil.
function core.refusal_of(record)
  if not record.changed then return nil end
  if record.refusal then return record.refusal end
  if #record.names == 0 and not record.existed then return RESULT.NOT_FOUND end
  local ttl = record.new_ttl
  if #record.names > 0 and ttl and (ttl < -2 or ttl > TTL_SECONDS_MAX) then return RESULT.PARAMETER end
end

local library = {}

function library.gen(...)
  local record = self_of(...)
  return record.is_open and record.generation or 0
end

function library.ttl(...)
  local record = self_of(...)
  return record.is_open and record.ttl or 0
end

function library.last_update_time(...)
  local record = self_of(...)
  return record.is_open and record.last_update or 0
end

function library.size(...)
  local record = self_of(...)
  if not record.is_open then return 0 end
  return record.existed and record.size or CREATED_RECORD_BYTES
end
library.memory_size = library.size

function library.device_size(...)
  self_of(...)
  return 0
end

function library.setname(...)
  local record = self_of(...)
  return record.is_open and record.set_name ~= '' and record.set_name or nil
end

function library.key(...)
  local record = self_of(...)
  if not record.existed then return nil end
  return to_script(decode_particle(record.key_type, record.key, 1, #record.key))
end

function library.digest(...)
  return core.box(core.new_bytes(self_of(...).digest))
end

function library.numbins(...)
  return #self_of(...).names
end

function library.bin_names(...)
  local record = self_of(...)
  if not record.is_open then core.fail("can't get bin names") end
  local names = {}
  for i, name in ipairs(record.names) do names[i] = name end
  return names
end

function library.set_ttl(...)
  self_of(...).new_ttl = integer_argument(2, 0, ...)
end

function library.drop_key(...)
  local record = self_of(...)
  record.drops_key = record.is_open
end

-- The bin that a key names, or nil for none.
local function bin_name(event, key)
  if type(key) == 'number' then return tostring(key) end
  if key == nil then return nil end
  if type(key) ~= 'string' then
    error(string_format("bad argument #2 to '%s' (string expected, got %s)", event, core.type_name(key)), 3)
  end
  local name = c_string(key)
  return #name <= BIN_NAME_BYTES_MAX and name or nil
end

function Record:__index(key)
  local state, name = getuservalue(self, 1), bin_name('index', key)
  if name then return to_script(get_bin(state.working or open_record(state), name)) end
end

function Record:__newindex(key, value)
  local state, name = getuservalue(self, 1), bin_name('newindex', key)
  if not name then return end
  local record, stored = state.working or open_record(state), to_stored(value)
  if stored == nil then
    if getuservalue(value, 1) ~= state then
      error(string_format("can't set bin %s to unsupported type", name), 2)
    end
    stored = record -- reads as nil, and is refused when it is to be stored
  end
  set_bin(record, name, stored)
end

core.libraries.record = core.library(library)
