-- The `aerospike` object and the log functions.
local core = ...

local brief, getuservalue, native, select = core.brief, debug.getuservalue, core.native, select
local string_format, type = string.format, type
local integer_argument, record_of = core.integer_argument, core.record_of

local LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_TRACE = 1, 2, 3, 4

local Aerospike = { __name = 'Aerospike' }
core.metatables.Aerospike = Aerospike

local function check_self(...)
  local self = ...
  local state = getuservalue(self, 1)
  if not state or state.is ~= 'Aerospike' then core.not_an_object(1, 'Aerospike', ...) end
end

local aerospike = core.box({ is = 'Aerospike' })

-- A method that takes the record. What is not a record is named as the server names it: not as the userdata it is not.
local function record_method(f)
  return function(...)
    local self, value = ...
    if self ~= aerospike then check_self(...) end
    return f(record_of(value) or core.mistyped(2, 'Record', ...))
  end
end

local methods = {
  create = brief(record_method(core.create_record)),
  update = brief(record_method(core.update_record)),
  remove = brief(record_method(core.remove_record)),
  exists = record_method(function(record) return record.is_open end),
  -- Left from earlier servers: they do nothing.
  set_context = record_method(function() return 0 end),
  get_config = record_method(function() return 0 end),
}

function methods.get_current_time(...)
  check_self(...)
  return core.is_aggregating and 0 or core.now()
end

function methods.log(...)
  check_self(...)
  if select('#', ...) < 3 then return end
  local level, text = integer_argument(2, 0, ...), select(3, ...)
  if type(text) == 'number' then text = string_format('%s', text) end
  if text == nil then return end
  if type(text) ~= 'string' then core.mistyped(3, 'string', ...) end
  if level >= LOG_WARN and level <= LOG_TRACE then core.log(level, text) end
end

core.library(methods)
Aerospike.__index, Aerospike.__metatable = methods, methods
core.libraries.aerospike, core.libraries.Aerospike = aerospike, methods

-- Arguments are formatted even if nobody listens: a wrong format is an error of the script, and it names `format`.
local function log_function(level)
  return native(function(format, ...) core.log(level, string.format(format, ...)) end)
end

core.libraries.warn = log_function(LOG_WARN)
core.libraries.info = log_function(LOG_INFO)
core.libraries.debug = log_function(LOG_DEBUG)
core.libraries.trace = log_function(LOG_TRACE)
