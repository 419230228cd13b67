-- What the types of the UDF environment are built on: boxes, values and argument errors.
--
-- Every file here is a chunk that gets `core`, the table the files share. The host puts into it:
--   core.box_as(state, metatable)   a userdata, see below
--   core.native(f)           a C function that calls f, see below
--   core.brief(f)            the same without looking at the clock, which makes every instruction slower: for functions
--                            that do not take long, whatever they are given, and call no function of a script
--   core.run(f, ...)         pcall(f, ...), where f is a script's and the clock is looked at: it is not in our own code
--   core.log(level, text)    level 1 warn, 2 info, 3 debug, 4 trace
--   core.now()               milliseconds since 1970
--   core.next_record()       the request of the next record of an aggregation, or nothing
--   core.user_path           the folder that modules seem to lie in
--   core.timeout_text        the error of a call whose time is up
--
-- Scripts share the state with this code and may replace any global, so everything is taken into locals here and in
-- the other files.
local core = ...

local debug_getinfo, debug_getmetatable, debug_getuservalue = debug.getinfo, debug.getmetatable, debug.getuservalue
local error, next, rawget, select, setmetatable = error, next, rawget, select, setmetatable
local tonumber, type = tonumber, type
local math_tointeger, math_type = math.tointeger, math.type
local string_find, string_format, string_sub = string.find, string.format, string.sub
local native = core.native

core.libraries = {} -- the globals that scripts are given, by name

-- What a script sees of a list, a map or any other object is a box: a userdata whose one user value is the state of the
-- object, a table whose `is` names the kind. Lists, maps and bins hold the states; every time a script reads one it gets
-- a new box, so `rec.x == rec.x` is false, as in the server.
local metatables = {}
core.metatables = metatables

-- Puts a state into a box. Where much depends on speed, core.box_as is called with the metatable.
local box_as = core.box_as
function core.box(state)
  return box_as(state, metatables[state.is])
end

-- The state in a box, else nil: nothing else that a script can get hold of has a user value.
function core.state_of(value)
  return (debug_getuservalue(value, 1))
end

local PLAIN_TEXTS_MAX = 1000
local PLAIN_TEXT_BYTES_MAX = 40 -- longer ones are no keys

-- Some of the strings that have no zero byte, by themselves: keys are looked at more often than anything else.
local plain_texts, plain_texts_left = {}, PLAIN_TEXTS_MAX
core.plain_texts = plain_texts

local function remember_plain_text(text)
  if plain_texts_left == 0 then
    for other in next, plain_texts do plain_texts[other] = nil end
    plain_texts_left = PLAIN_TEXTS_MAX
  end
  plain_texts[text], plain_texts_left = text, plain_texts_left - 1
end

-- Strings are C strings in the server: they end at the first zero byte.
local function c_string(text)
  local is_short = #text <= PLAIN_TEXT_BYTES_MAX
  if is_short and plain_texts[text] then return text end
  local zero = string_find(text, '\0', 1, true)
  if zero then return string_sub(text, 1, zero - 1) end
  if is_short then remember_plain_text(text) end
  return text
end
core.c_string = c_string

-- Stands for a nil that is stored: as an element, as the value of a key, as a bin to delete.
local NIL = { is = 'Nil' }
core.NIL = NIL

local STORED_KINDS = { List = true, Map = true, Bytes = true, GeoJSON = true }

-- What a list, a map or a bin keeps of a value: NIL for nil, nil for a value that cannot be stored.
function core.to_stored(value)
  local kind = type(value)
  if kind == 'userdata' then
    local state = debug_getuservalue(value, 1)
    if state and STORED_KINDS[state.is] then return state end
    return nil
  end
  if kind == 'number' or kind == 'boolean' then return value end
  if kind == 'string' then return plain_texts[value] or c_string(value) end
  if kind == 'nil' then return NIL end
end

-- What a script sees of a value that is kept so.
function core.to_script(value)
  if type(value) ~= 'table' then return value end
  if value == NIL then return nil end
  return box_as(value, metatables[value.is])
end

-- The name an error text gives to the type of a value.
local function type_name(value)
  local metatable = debug_getmetatable(value)
  local name = type(metatable) == 'table' and type(value) ~= 'string' and rawget(metatable, '__name')
  return type(name) == 'string' and name or type(value)
end
core.type_name = type_name

-- The functions of the server are C functions: an error names the line that called them, also when that was a tail call,
-- after which Lua knows nothing of the caller. So every library function is wrapped by core.native, and the frame of
-- that C function tells here who called, and by which name.
local function frame_of_library_function()
  local level = 3
  local info = debug_getinfo(level, 'nS')
  while info and info.what ~= 'C' do
    level = level + 1
    info = debug_getinfo(level, 'nS')
  end
  return info or {}, level
end

-- Raises `text` at the line that called the library function.
function core.fail(text)
  local _, level = frame_of_library_function()
  error(text, level)
end

local function bad_argument(position, problem)
  local info, level = frame_of_library_function()
  local name = info.name or '?'
  if info.namewhat == 'method' then
    position = position - 1
    if position == 0 then error(string_format("calling '%s' on bad self (%s)", name, problem), level) end
  end
  error(string_format("bad argument #%d to '%s' (%s)", position, name, problem), level)
end
core.bad_argument = bad_argument

-- Raises what is wrong with the type of argument `position` of `...`.
local function mistyped(position, expected, ...)
  local got = select('#', ...) < position and 'no value' or type_name((select(position, ...)))
  bad_argument(position, string_format('%s expected, got %s', expected, got))
end
core.mistyped = mistyped

-- Raises what is wrong with argument `position` of `...`, which should be an object of a kind.
function core.not_an_object(position, kind, ...)
  mistyped(position, type((select(position, ...))) == 'userdata' and kind or 'userdata', ...)
end

-- Argument `position` of `...` as an integer; `default` for nil or nothing.
function core.integer_argument(position, default, ...)
  local value = select(position, ...)
  if math_type(value) == 'integer' then return value end
  if value == nil then return default end
  local integer = (type(value) == 'number' or type(value) == 'string') and math_tointeger(value)
  if integer then return integer end
  if type(value) == 'number' or type(value) == 'string' and tonumber(value) then
    bad_argument(position, 'number has no integer representation')
  end
  mistyped(position, 'number', ...)
end

-- The same for the operands of `object[key]` and `object[key] = value`, which are never tail calls: these metamethods
-- are plain Lua functions, called by the line that is to be named.
function core.operand_as_integer(event, position, value)
  if value == nil then return 0 end
  local integer = (type(value) == 'number' or type(value) == 'string') and math_tointeger(value)
  if integer then return integer end
  local problem = 'number has no integer representation'
  if type(value) ~= 'number' and not (type(value) == 'string' and tonumber(value)) then
    problem = 'number expected, got ' .. type_name(value)
  end
  error(string_format("bad argument #%d to '%s' (%s)", position, event, problem), 3)
end

-- A library table of native functions, where they are not native already. With `constructor` the table can be called.
function core.library(functions, constructor)
  for name, f in next, functions do
    if debug_getinfo(f, 'S').what ~= 'C' then functions[name] = native(f) end
  end
  return setmetatable(functions, { __call = constructor and native(constructor), __metatable = functions })
end
