-- The `record` library, the record object, and the working record that `aerospike` changes.
--
-- Assigning a bin only changes what later reads of the same call see; `aerospike:create` and `aerospike:update` take the
-- pending assignments over into the working record, encoded as they are at that moment; the host commits the working
-- record when the function has returned without an error (protocol 7.6).
--
-- The record comes as text in `data` (see call-encoding.ts). Its bins are not walked: their names and types come as one
-- text, and what that text says is remembered for the next record of the same bins (see record_layout.lua), with a function
-- that makes a table of the integers and booleans among them, `scalars`. A record object looks its bins up there, without any code of ours;
-- `load_bin` is called for what is not there: a bin of another type, or one that does not exist.
local core = ...

local error, getuservalue, next, setmetatable = error, debug.getuservalue, next, setmetatable
local tostring, type = tostring, type
local string_format, string_pack, string_unpack, table_move = string.format, string.pack, string.unpack, table.move
local box, box_as, integer_argument, plain_texts = core.box, core.box_as, core.integer_argument, core.plain_texts
local metatables, to_stored, to_script, NIL = core.metatables, core.to_stored, core.to_script, core.NIL
local layout_of, BINS_MAX, RECORD = core.layout_of, core.BINS_MAX, core.RECORD
local bin_particle, c_string, decode_particle = core.bin_particle, core.c_string, core.decode_particle

local TYPE_INTEGER, TYPE_BOOLEAN = 1, 17
local BIN_NAME_BYTES_MAX = 15
local DIRECTORY_ENTRY_BYTES = 8
local CREATED_RECORD_BYTES = 16 -- what the server says of a record that is not stored yet
local TTL_SECONDS_MAX = 10 * 365 * 24 * 60 * 60
local RESULT = { NOT_FOUND = 2, PARAMETER = 4, BIN_TYPE = 12, BIN_NAME = 21 }

local NONE = {} -- stands for a list or a set as long as nothing was put into it
local Loader = {}

-- What a record is until something becomes of it.
local Working = {
  __index = {
    is = 'Record',
    pending = NONE, -- names of bins assigned since the last create or update: a list and a set
    encoded = NONE, -- by name, the bins of the working record that are not as they came, encoded; and a list of their
    -- names, in which one that was removed meanwhile may be twice, or be none any more
    comings_and_goings = NONE, -- the name of each bin that was added or removed since the record came, in order
    lost = NONE, -- bins of the layout that were removed
    was_removed = false, -- since it came; none of its bins is left then
    changed = false, -- something is to be committed, if only a touch
    drops_key = false,
    new_ttl = nil,
    refusal = nil, -- the result code with which a change cannot be committed
  },
}

-- In an aggregation the record is read-only: assignments to its bins pass without a trace.
function core.new_record(data, position, is_read_only)
  local existed, bins, directory = string_unpack('<Bs4', data, position)
  local layout = layout_of(bins)
  local record = setmetatable({
    data = data,
    directory = directory, -- its position
    layout = layout, -- the bins as they came, shared with other records
    places = layout.places, -- of the bins as they came; none after a removal of the record
    absent = layout.absent, -- names that are no bins; none are known once one of them was assigned
    names = layout.names, -- those of the working record, shared with the layout as long as they are the same
    scalars = false, -- by name the values of bins that are scalars, assigned ones included; see below
    objects = {}, -- the same for others that were asked for or assigned, NIL for a bin that was removed
    existed = existed ~= 0, -- before the call
    is_open = existed ~= 0, -- the same, or created in this call
    overfull = layout.count > BINS_MAX,
    is_read_only = is_read_only,
  }, Working)
  record.scalars = setmetatable(layout.scalars(data, directory, record), Loader)
  return record
end

-- The record in a box, or nil.
function core.record_of(value)
  local record = getuservalue(value, 1)
  if record and record.is == 'Record' then return record end
end

local function self_of(...)
  return core.record_of((...)) or core.not_an_object(1, 'Record', ...)
end

-- Bins as scripts see them ----------------------------------------------------------------------------------------------

-- The bin that a key names, or nil for none. An error of the key is one of the code at `level`.
local function bin_name(event, key, level)
  local kind = type(key)
  if kind == 'number' then return tostring(key) end
  if kind == 'nil' then return nil end
  if kind ~= 'string' then
    error(string_format("bad argument #2 to '%s' (string expected, got %s)", event, core.type_name(key)), level + 1)
  end
  local name = c_string(key)
  return #name <= BIN_NAME_BYTES_MAX and name or nil
end

local function load_particle(record, name, particle_type, content)
  local first, bytes = content & 0xffffffff, content >> 32
  local value = decode_particle(particle_type, record.data, first, first + bytes - 1)
  if type(value) == 'table' then
    record.objects[name] = value
    return to_script(value)
  end
  record.scalars[name] = value
  return value
end

-- Most of what a function looks for is not there.
local function note_absent(record, name)
  local layout = record.layout
  if record.places ~= layout.places or record.absent == NONE or layout.absent_left == 0 then return end
  layout.absent[name], layout.absent_left = true, layout.absent_left - 1
end

-- The value of a bin that is not among the scalars.
local function load_bin(scalars, key)
  local record = scalars[RECORD]
  if record.absent[key] then return nil end
  local object = record.objects[key]
  if object then
    if object ~= record and object ~= NIL then return box_as(object, metatables[object.is]) end
    return nil
  end
  local place = record.places[key]
  if place then
    local content = string_unpack('<i8', record.data, record.directory + place * DIRECTORY_ENTRY_BYTES)
    local particle_type = record.layout.types[key]
    if particle_type == TYPE_BOOLEAN then
      content = content ~= 0
    elseif particle_type ~= TYPE_INTEGER then
      return load_particle(record, key, particle_type, content)
    end
    scalars[key] = content
    return content
  end
  if plain_texts[key] then
    note_absent(record, key)
    return nil
  end
  local name = bin_name('index', key, 2)
  if name and name ~= key then return scalars[name] end
end
Loader.__index = load_bin

local function assign(self, key, value)
  local record = getuservalue(self, 1)
  local name = plain_texts[key]
  if not name or #name > BIN_NAME_BYTES_MAX then
    name = bin_name('newindex', key, 2)
    if not name then return end
  end
  local stored = to_stored(value)
  if stored == nil then
    if getuservalue(value, 1) ~= record then error(string_format("can't set bin %s to unsupported type", name), 2) end
    stored = record -- reads as nil, and is refused when it is to be stored
  end
  if record.is_read_only then return end
  if type(stored) == 'table' then
    record.scalars[name], record.objects[name] = nil, stored
    if record.absent[name] then record.absent = NONE end
  else
    record.scalars[name], record.objects[name] = stored, nil
  end
  local pending = record.pending
  if pending == NONE then
    pending = {}
    record.pending = pending
  end
  if not pending[name] then
    pending[name] = true
    pending[#pending + 1] = name
  end
end

function core.box_record(record)
  return box_as(record, { __name = 'Record', __index = record.scalars, __newindex = assign })
end

-- The working record ----------------------------------------------------------------------------------------------------

local function is_present(record, name)
  if record.encoded[name] then return true end
  return record.places[name] ~= nil and not record.lost[name]
end

-- The names of the working record, to which `name` is to be added or from which it is to be removed.
local function names_to_change(record, name)
  if record.names == record.layout.names then record.names = table_move(record.names, 1, #record.names, 1, {}) end
  if record.comings_and_goings == NONE then record.comings_and_goings = {} end
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
  if record.lost == NONE then record.lost = {} end
  record.lost[name] = true
  if record.encoded ~= NONE then record.encoded[name] = nil end
end

local function store_bin(record, name, value)
  if value == NIL then return remove_bin(record, name) end
  if not is_present(record, name) then
    local names = names_to_change(record, name)
    names[#names + 1] = name
  end
  local encoded = record.encoded
  if encoded == NONE then
    encoded = {}
    record.encoded = encoded
  end
  if not encoded[name] then encoded[#encoded + 1] = name end
  encoded[name] = string_pack('<s1Bs4', name, bin_particle(value))
end

-- Takes the pending assignments over into the working record. Answers what `create` and `update` answer.
local function apply_pending(record)
  record.changed = true
  local pending, scalars, objects = record.pending, record.scalars, record.objects
  for i = 1, #pending do
    if objects[pending[i]] == record then
      record.refusal = RESULT.BIN_TYPE
      return -1
    end
  end
  for i = 1, #pending do
    local name = pending[i]
    local value = objects[name]
    if value == nil then value = scalars[name] end
    store_bin(record, name, value)
  end
  record.pending = NONE
  record.refusal = (record.overfull or #record.names > BINS_MAX) and RESULT.BIN_NAME or nil
  return record.refusal and -1 or 0
end

-- A record without bins is as good as none.
function core.create_record(record)
  if record.is_read_only or record.is_open and (#record.names > 0 or record.overfull) then return 1 end
  record.is_open = true
  return apply_pending(record)
end

function core.update_record(record)
  if record.is_read_only then return 1 end
  if not record.is_open then return -2 end
  return apply_pending(record)
end

function core.remove_record(record)
  if record.is_read_only or not record.is_open then return 1 end
  local scalars = record.scalars
  for name in next, scalars do scalars[name] = nil end
  scalars[RECORD] = record
  record.places, record.names, record.objects = {}, {}, {}
  record.pending, record.encoded, record.comings_and_goings, record.lost = NONE, NONE, NONE, NONE
  record.was_removed, record.changed, record.overfull = true, true, false
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
  return string_unpack('<I4i8i8i8s1s1Bs4', record.data, record.directory + record.layout.count * DIRECTORY_ENTRY_BYTES)
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
  if not record.is_open or record.drops_key then return nil end
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

-- The server takes 32 bits of the integer: 2^32 - 1 is -1.
function library.set_ttl(...)
  local record = self_of(...)
  record.new_ttl = string_unpack('<i4', string_pack('<I4', integer_argument(2, 0, ...) & 0xffffffff))
end

function library.drop_key(...)
  local record = self_of(...)
  record.drops_key = record.is_open
end

core.libraries.record = core.library(library)
