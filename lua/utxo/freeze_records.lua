-- Freeze records (semantics 1.12). A freeze has two tiers: consensus, a half-open window of heights with one
-- verdict on every node, and policy, this operator's refusal. The record of an output lives in three map bins
-- keyed by the output's offset; the entry in `utxoFreezeFrom` is the record, the other two are optional.
-- The sentinel in a slot without a record is a freeze of the time before records: always, and for good.

-- The maps in the bins of a record, or nil. A bin of any other type must not read as "not frozen".
local MAP = getmetatable(map())

local function map_bin(rec, name)
  local bin = rec[name]
  if bin ~= nil and getmetatable(bin) ~= MAP then
    error('bin ' .. name .. ' is not a map')
  end
  return bin
end

local function map_entry(rec, name, key)
  local bin = map_bin(rec, name)
  if bin ~= nil then
    return bin[key]
  end
end

local function set_entry(rec, name, key, value)
  local bin = map_bin(rec, name)
  if bin == nil then
    bin = map()
  end
  bin[key] = value
  rec[name] = bin
end

-- Removing the last entry deletes the bin.
local function remove_entry(rec, name, key)
  local bin = map_bin(rec, name)
  if bin == nil then
    return
  end
  map.remove(bin, key)
  if map.size(bin) == 0 then
    rec[name] = nil
  else
    rec[name] = bin
  end
end

local function is_height(value)
  return type(value) == 'number' and value >= 0 and value <= HEIGHT_MAX
end

local ALWAYS = { from = 0, to = 0, policy_expires = false }

-- Returns the freeze of an output as { from, to, policy_expires }, { damaged = true } (which equals no window, so
-- that a fresh freeze repairs it), or nil. `to` is the first height after the window, 0 for no end.
local function read_freeze(rec, offset, spending_data)
  local from = map_entry(rec, 'utxoFreezeFrom', offset)
  if from == nil then
    if spending_data == SENTINEL then
      return ALWAYS
    end
    return nil
  end
  local to = map_entry(rec, 'utxoFreezeUntil', offset)
  if to == nil then
    to = 0
  end
  if not is_height(from) or not is_height(to) then
    return { damaged = true }
  end
  local policy_expires = map_entry(rec, 'utxoFreezeExp', offset) == true
  return { from = from, to = to, policy_expires = policy_expires }
end

local function consensus_active(freeze, height)
  return height >= freeze.from and (freeze.to == 0 or height < freeze.to)
end

local function policy_active(freeze, height)
  return not (freeze.policy_expires and freeze.to ~= 0 and (height >= freeze.to or freeze.to <= freeze.from))
end

local function same_freeze(a, b)
  return a.from == b.from and a.to == b.to and a.policy_expires == b.policy_expires
end

local function remove_freeze_record(rec, offset)
  remove_entry(rec, 'utxoFreezeFrom', offset)
  remove_entry(rec, 'utxoFreezeUntil', offset)
  remove_entry(rec, 'utxoFreezeExp', offset)
end

local function write_freeze_record(rec, offset, freeze)
  set_entry(rec, 'utxoFreezeFrom', offset, freeze.from)
  if freeze.to ~= 0 then
    set_entry(rec, 'utxoFreezeUntil', offset, freeze.to)
  else
    remove_entry(rec, 'utxoFreezeUntil', offset)
  end
  if freeze.policy_expires then
    set_entry(rec, 'utxoFreezeExp', offset, true)
  else
    remove_entry(rec, 'utxoFreezeExp', offset)
  end
end
