-- The `record` library, the record object, and the working record that `aerospike` changes.
--
-- Assigning a bin only changes a cache; `aerospike:create` and `aerospike:update` take the pending changes over into the
-- working record, encoded as they are at that moment; the host commits the working record when the function has
-- returned without an error (protocol 7.6).
--
-- The record comes as text in `data` from `position` on (see call-encoding.ts) and is read when a script first asks for
-- something: many functions look at a bin or two, some at none. Neither are its bins walked: their names come as one
-- text, which tells the place of each name in the directory, and what that text says is remembered for the next record.
local core = ...

local error, tostring, type = error, tostring, type
local string_format, string_unpack, table_move = string.format, string.unpack, table.move
local getuservalue, box, integer_argument = debug.getuservalue, core.box, core.integer_argument
local to_stored, to_script, NIL = core.to_stored, core.to_script, core.NIL
local c_string, decode_particle = core.c_string, core.decode_particle

local BIN_NAME_BYTES_MAX = 15
local BINS_MAX = 512
local DIRECTORY_ENTRY_BYTES = 9
local LAYOUTS_MAX = 100
local CREATED_RECORD_BYTES = 16 -- what the server says of a record that is not stored yet
local TTL_SECONDS_MAX = 10 * 365 * 24 * 60 * 60
local RESULT = { NOT_FOUND = 2, PARAMETER = 4, BIN_TYPE = 12, BIN_NAME = 21 }

local Record = { __name = 'Record' }
core.metatables.Record = Record

function core.new_record(data, position)
  return { is = 'Record', data = data, position = position, working = false }
end

-- The bins of a record: their names in order, by name the place in the directory (from 0), and their number. A record
-- with more than BINS_MAX reads as one without bins.
local function read_layout(text)
  local names, places, count, position = {}, {}, 0, 1
  while position <= #text do
    local name
    name, position = string_unpack('s1', text, position)
    names[count + 1], places[name] = name, count
    count = count + 1
  end
  if count > BINS_MAX then names, places = {}, {} end
  return { names = names, places = places, count = count }
end

local NO_BINS = read_layout('')

local layouts, layouts_left = {}, LAYOUTS_MAX

local function layout_of(text)
  local layout = layouts[text]
  if layout then return layout end
  if layouts_left == 0 then layouts, layouts_left = {}, LAYOUTS_MAX end
  layout = read_layout(text)
  layouts[text], layouts_left = layout, layouts_left - 1
  return layout
end

-- Reads the record and makes its working record.
local function open_record(state)
  local data = state.data
  local existed, bin_names, directory = string_unpack('<Bs4', data, state.position)
  local layout = layout_of(bin_names)
  local working = {
    data = data,
    directory = directory, -- its position
    properties = directory + layout.count * DIRECTORY_ENTRY_BYTES, -- the position of what is not asked for often
    layout = layout, -- the bins as they came, shared with other records
    names = layout.names, -- those of the working record, shared with the layout as long as they are the same
    comings_and_goings = {}, -- the name of each bin that was added or removed since the record came, in order
    was_removed = false, -- since it came; none of its bins is left then
    existed = existed ~= 0, -- before the call
    is_open = existed ~= 0, -- the same, or created in this call
    overfull = layout.count > BINS_MAX,
    cache = {}, -- the values of bins that were asked for or assigned, NIL for a bin that is none
    pending = {}, -- names of bins assigned since the last create or update, in order
    is_pending = {},
    is_lost = {}, -- bins of the layout that were removed
    encoded = {}, -- bins of the working record that are not as they came
    encoded_names = {}, -- their names; one that was removed meanwhile may be there twice, or be none any more
    changed = false, -- something is to be committed, if only a touch
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
  if state and state.is == 'Record' then return state.working or open_record(state) end
end

local function self_of(...)
  return core.working_record((...)) or core.not_an_object(1, 'Record', ...)
end

local function is_present(record, name)
  if record.encoded[name] then return true end
  return record.layout.places[name] ~= nil and not record.is_lost[name]
end

-- Takes a bin, as it came, into the cache.
local function load_bin(record, name, place)
  local value = NIL
  if place then
    local data = record.data
    local particle_type, first, bytes = string_unpack('<BI4I4', data, record.directory + place * DIRECTORY_ENTRY_BYTES)
    value = decode_particle(particle_type, data, first, first + bytes - 1)
  end
  record.cache[name] = value
  return value
end

local function set_bin(record, name, value)
  record.cache[name] = value
  if not record.is_pending[name] then
    record.is_pending[name] = true
    record.pending[#record.pending + 1] = name
  end
end

-- The names of the working record, to which `name` is to be added or from which it is to be removed.
local function names_to_change(record, name)
  if record.names == record.layout.names then record.names = table_move(record.names, 1, #record.names, 1, {}) end
  record.comings_and_goings[#record.comings_and_goings + 1] = name
  return record.names
end

-- The last bin takes the place of the one that goes, as in the server.
local function remove_bin(record, name)
  if not is_present(record, name) then return end
  local names, i = names_to_change(record, name), 1
  while names[i] ~= name do i = i + 1 end
  names[i] = names[#names]
  names[#names] = nil
  record.is_lost[name], record.encoded[name] = true, nil
end

local function store_bin(record, name, value)
  if value == NIL then return remove_bin(record, name) end
  if not is_present(record, name) then
    local names = names_to_change(record, name)
    names[#names + 1] = name
  end
  if not record.encoded[name] then record.encoded_names[#record.encoded_names + 1] = name end
  local particle_type, bytes = core.bin_particle(value)
  record.encoded[name] = { type = particle_type, bytes = bytes }
end

-- Takes the pending changes over into the working record. Answers what `create` and `update` answer.
local function apply_pending(record)
  record.changed = true
  local pending, cache = record.pending, record.cache
  for i = 1, #pending do
    if cache[pending[i]] == record then
      record.refusal = RESULT.BIN_TYPE
      return -1
    end
  end
  for i = 1, #pending do store_bin(record, pending[i], cache[pending[i]]) end
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
  record.layout, record.names, record.comings_and_goings, record.was_removed = NO_BINS, {}, {}, true
  record.encoded, record.encoded_names = {}, {}
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

-- Generation, seconds to live, last update, size, digest, set name, type and bytes of the key.
local function properties(record)
  return string_unpack('<I4i8i8i8s1s1Bs4', record.data, record.properties)
end

local library = {}

function library.gen(...)
  local record = self_of(...)
  return record.is_open and (properties(record)) or 0
end

function library.ttl(...)
  local record = self_of(...)
  local _, ttl = properties(record)
  return record.is_open and ttl or 0
end

function library.last_update_time(...)
  local record = self_of(...)
  local _, _, last_update = properties(record)
  return record.is_open and last_update or 0
end

function library.size(...)
  local record = self_of(...)
  local _, _, _, size = properties(record)
  if not record.is_open then return 0 end
  return record.existed and size or CREATED_RECORD_BYTES
end
library.memory_size = library.size

function library.device_size(...)
  self_of(...)
  return 0
end

function library.setname(...)
  local record = self_of(...)
  local _, _, _, _, _, set_name = properties(record)
  return record.is_open and set_name ~= '' and set_name or nil
end

function library.key(...)
  local record = self_of(...)
  if not record.existed then return nil end
  local _, _, _, _, _, _, key_type, key = properties(record)
  return to_script(decode_particle(key_type, key, 1, #key))
end

function library.digest(...)
  local _, _, _, _, digest = properties(self_of(...))
  return box(core.new_bytes(digest))
end

function library.numbins(...)
  return #self_of(...).names
end

function library.bin_names(...)
  local record = self_of(...)
  if not record.is_open then core.fail("can't get bin names") end
  return table_move(record.names, 1, #record.names, 1, {})
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
  local kind = type(key)
  if kind == 'number' then return tostring(key) end
  if kind == 'nil' then return nil end
  if kind ~= 'string' then
    error(string_format("bad argument #2 to '%s' (string expected, got %s)", event, core.type_name(key)), 3)
  end
  local name = c_string(key)
  return #name <= BIN_NAME_BYTES_MAX and name or nil
end

function Record:__index(key)
  local state = getuservalue(self, 1)
  local record = state.working or open_record(state)
  local cache = record.cache
  local value = cache[key]
  if value == nil then
    local place = record.layout.places[key]
    local name = place and key or bin_name('index', key)
    if not name then return nil end
    value = cache[name]
    if value == nil then value = load_bin(record, name, place or record.layout.places[name]) end
  end
  if type(value) ~= 'table' then return value end
  if value ~= record and value ~= NIL then return box(value) end
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
