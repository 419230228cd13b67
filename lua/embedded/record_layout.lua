-- The layout of a record: what is the same for all records with bins of the same names and types (see record.lua).
local core = ...

local compile = load
local string_format, string_gsub, string_unpack = string.format, string.gsub, string.unpack
local table_concat = table.concat

local TYPE_INTEGER, TYPE_BOOLEAN = 1, 17
local BINS_MAX = 512
local LAYOUTS_MAX = 100
local ABSENT_NAMES_MAX = 100
local SCALARS_MAX = 150 -- a function has no more than 200 local variables

local RECORD = {} -- the key of the record in its own `scalars`, which no script has
core.RECORD = RECORD
core.BINS_MAX = BINS_MAX

-- Compiles the function that makes `scalars` of a record of these bins.
local function scalars_maker(names, types)
  local formats, variables, fields = {}, {}, {}
  for i = 1, #names do
    local is_scalar = (types[i] == TYPE_INTEGER or types[i] == TYPE_BOOLEAN) and #fields < SCALARS_MAX
    formats[i] = is_scalar and 'i8' or 'c8'
    variables[i] = is_scalar and 'v' .. i or '_'
    if is_scalar then
      local value = types[i] == TYPE_BOOLEAN and variables[i] .. ' ~= 0' or variables[i]
      fields[#fields + 1] = string_format('[%q] = %s', names[i], value)
    end
  end
  -- Runs of bins that are none are skipped, and what follows the last scalar is not looked at.
  local format = string_gsub(string_gsub('<' .. table_concat(formats), 'c8', 'xxxxxxxx'), 'x+$', '')
  local declared = string_gsub(table_concat(variables, ','), '_,?', '')
  declared = string_gsub(declared, ',$', '')
  if declared == '' then return function(_, _, record) return { [RECORD] = record } end end
  local text = string_format([[
local unpack, RECORD = ...
return function(data, position, record)
  local %s = unpack(%q, data, position)
  return { [RECORD] = record, %s }
end]], declared, format, table_concat(fields, ', '))
  return compile(text, '=scalars')(string_unpack, RECORD)
end

-- The bins of a record: their names in order, by name the type and the place in the directory (from 0), their number,
-- what makes `scalars`, and names that scripts ask for although no bin has them. A record with more than BINS_MAX reads as
-- one without bins.
local function read_layout(text)
  local names, types, type_of, places, count, position = {}, {}, {}, {}, 0, 1
  while position <= #text do
    local name, particle_type
    name, particle_type, position = string_unpack('s1B', text, position)
    places[name], type_of[name] = count, particle_type
    count = count + 1
    names[count], types[count] = name, particle_type
  end
  if count > BINS_MAX then names, types, type_of, places = {}, {}, {}, {} end
  return {
    names = names,
    types = type_of,
    places = places,
    count = count,
    scalars = scalars_maker(names, types),
    absent = {},
    absent_left = ABSENT_NAMES_MAX,
  }
end

local layouts, layouts_left = {}, LAYOUTS_MAX

local function remember_layout(text)
  if layouts_left == 0 then layouts, layouts_left = {}, LAYOUTS_MAX end
  local layout = read_layout(text)
  layouts[text], layouts_left = layout, layouts_left - 1
  return layout
end

-- The layout that the names and types of bins, as text, stand for.
function core.layout_of(text)
  return layouts[text] or remember_layout(text)
end
