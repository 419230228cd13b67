-- The outputs of a record (semantics 1.4): one slot per output in the list `utxos`, nil for an output that
-- never was spendable, otherwise a blob of the utxo hash alone (unspent) or followed by the spending data.
--
-- Blobs have no value equality in Lua. They are compared as Lua strings, which keep NUL bytes while they stay
-- inside Lua and which, at these lengths, are interned: comparing two is comparing two pointers. The size is
-- always checked first, because get_string does not check bounds.

local HASH_SIZE = 32
local SPENDING_DATA_SIZE = 36
local SPENT_SIZE = HASH_SIZE + SPENDING_DATA_SIZE

local UNSPENT = ''
-- Spending data that marks an output frozen by policy. It is not a spend and not counted as one.
local SENTINEL = string.rep('\255', SPENDING_DATA_SIZE)

local BLOB = getmetatable(bytes())

local blob_size = bytes.size
local blob_text = bytes.get_string

local function is_blob(value, size)
  return getmetatable(value) == BLOB and blob_size(value) == size
end

-- Lua counts from 1.
local function slot_index(offset)
  return offset + 1
end

local function unspent_slot(utxo_hash)
  local slot = bytes(HASH_SIZE)
  bytes.append_bytes(slot, utxo_hash, HASH_SIZE)
  return slot
end

local function spent_slot(utxo_hash, spending_data)
  local slot = bytes(SPENT_SIZE)
  bytes.append_bytes(slot, utxo_hash, HASH_SIZE)
  bytes.append_bytes(slot, spending_data, SPENDING_DATA_SIZE)
  return slot
end

local function sentinel_slot(utxo_hash)
  local slot = bytes(SPENT_SIZE)
  bytes.append_bytes(slot, utxo_hash, HASH_SIZE)
  bytes.append_string(slot, SENTINEL)
  return slot
end

-- The record's outputs, or nil. In a bin of any other type there may be an element of that index, too, or none: neither
-- may be taken for an output, or for one that does not exist.
local function slots_bin(rec)
  local utxos = rec.utxos
  if utxos ~= nil and not is_list(utxos) then
    error('bin utxos is not a list')
  end
  return utxos
end

-- The common slot check. Returns the slot's spending data as a Lua string (UNSPENT and SENTINEL included), or
-- nil and an error code. A damaged slot is reported before the hashes are compared: our own damage must never
-- look like the caller's mistake.
local function read_slot(utxos, offset, utxo_hash)
  local slot = utxos[slot_index(offset)]
  if slot == nil then
    return nil, 'UTXO_NOT_FOUND'
  end
  local size = getmetatable(slot) == BLOB and blob_size(slot)
  if size ~= HASH_SIZE and size ~= SPENT_SIZE then
    return nil, 'UTXO_INVALID_SIZE'
  end
  if not is_blob(utxo_hash, HASH_SIZE) or blob_text(slot, 1, HASH_SIZE) ~= blob_text(utxo_hash, 1, HASH_SIZE) then
    return nil, 'UTXO_HASH_MISMATCH'
  end
  if size == HASH_SIZE then
    return UNSPENT
  end
  return blob_text(slot, HASH_SIZE + 1, SPENDING_DATA_SIZE)
end

-- The checks every function on a single output starts with: returns the record's outputs and the slot's
-- spending data, or nil, nil and an error code.
local function open_slot(rec, offset, utxo_hash)
  if not aerospike:exists(rec) then
    return nil, nil, 'TX_NOT_FOUND'
  end
  local utxos = slots_bin(rec)
  if utxos == nil then
    return nil, nil, 'UTXOS_NOT_FOUND'
  end
  local spending_data, code = read_slot(utxos, offset, utxo_hash)
  return utxos, spending_data, code
end

local TXID_HEX = string.rep('%02x', HASH_SIZE)
local VIN_HEX = string.rep('%02x', SPENDING_DATA_SIZE - HASH_SIZE)

-- The spender's txid as people read it: the bytes reversed.
local function spender_display_hex(spending_data)
  local txid = string.reverse(string.sub(spending_data, 1, HASH_SIZE))
  return string.format(TXID_HEX, string.byte(txid, 1, HASH_SIZE))
end

-- The spender's display txid, then the bytes of its input index in their stored (little-endian) order.
local function spending_data_display(spending_data)
  return spender_display_hex(spending_data)
    .. string.format(VIN_HEX, string.byte(spending_data, HASH_SIZE + 1, SPENDING_DATA_SIZE))
end
