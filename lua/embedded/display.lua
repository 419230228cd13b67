-- How the server writes the values that lists and maps keep as text.
local core = ...

local math_type, string_format, type = math.type, string.format, type

local function display_number(value)
  if math_type(value) == 'integer' then return string_format('%d', value) end
  if value ~= value then return '-nan' end
  return string_format('%.16g', value)
end

local displays = {
  List = core.display_list,
  Map = core.display_map,
  Bytes = function(state)
    local text = core.text_of_bytes(state)
    return text == '' and '<NULL>' or core.hexadecimal(text)
  end,
  GeoJSON = function(state) return string_format('"%s"', state.text) end,
  Nil = function() return 'NIL' end,
}

function core.display(value)
  if type(value) == 'number' then return display_number(value) end
  if type(value) == 'string' then return string_format('"%s"', value) end
  if type(value) == 'boolean' then return value and 'true' or 'false' end
  return displays[value.is](value)
end
