-- Freezing, unfreezing and reassigning an output (semantics 2.5, 2.6 and 2.7). None of them touches `spentUtxos`
-- or the delete-at-height: a frozen output keeps its transaction from being all spent.

-- A window that ends before it starts is never active, and stored as the latest empty one.
local function normalised_freeze(freeze_from, freeze_until, policy_expires)
  local from = math.min(freeze_from, HEIGHT_MAX)
  local to = math.min(freeze_until, HEIGHT_MAX)
  if to ~= 0 and to <= from then
    from = HEIGHT_MAX
    to = HEIGHT_MAX
  end
  return { from = from, to = to, policy_expires = policy_expires == true }
end

local function is_optional_height(value)
  return value == nil or (is_integer(value) and value >= 0)
end

-- With only an offset and a hash the freeze is the sentinel alone, as nodes without freeze records know it: no
-- freeze bin is written, and a spent output cannot be frozen. With a window it is a freeze record, which is also
-- written for a spent output (it takes effect if the spend is taken back), and the sentinel while unspent.
function freeze(rec, offset, utxoHash, freezeFrom, freezeUntil, policyExpires)
  local utxos, spending_data, code = open_slot(rec, offset, utxoHash)
  if code ~= nil then
    return refused(code)
  end
  if not (is_optional_height(freezeFrom) and is_optional_height(freezeUntil)) then
    return refused('INVALID_PARAMETER')
  end
  local sentinel_only = freezeFrom == nil and freezeUntil == nil and policyExpires == nil
  local wanted = normalised_freeze(freezeFrom or 0, freezeUntil or 0, policyExpires)

  local current = read_freeze(rec, offset, spending_data)
  if current ~= nil and same_freeze(current, wanted) then
    return refused('ALREADY_FROZEN')
  end

  local spent = spending_data ~= UNSPENT and spending_data ~= SENTINEL
  if spent and sentinel_only then
    local response = refused('SPENT')
    response.spendingData = spending_data_display(spending_data)
    return response
  end
  if not spent and spending_data ~= SENTINEL then
    utxos[slot_index(offset)] = sentinel_slot(utxoHash)
    rec.utxos = utxos
  end
  if sentinel_only then
    remove_freeze_record(rec, offset)
  else
    write_freeze_record(rec, offset, wanted)
  end
  update(rec)

  local response = ok()
  if spent then
    response.message = 'freeze recorded on a spent output'
  end
  return response
end

-- Lifts both tiers, whether the output is spent or not.
function unfreeze(rec, offset, utxoHash)
  local utxos, spending_data, code = open_slot(rec, offset, utxoHash)
  if code ~= nil then
    return refused(code)
  end
  if read_freeze(rec, offset, spending_data) == nil then
    return refused('UTXO_NOT_FROZEN')
  end
  if spending_data == SENTINEL then
    utxos[slot_index(offset)] = unspent_slot(utxoHash)
    rec.utxos = utxos
  end
  remove_freeze_record(rec, offset)
  update(rec)
  return ok()
end

-- Gives a frozen, unspent output to a new owner by replacing its hash. It becomes spendable `spendableAfter`
-- blocks later. `recordUtxos` grows without a new slot, by design: the record is never all spent again, so the
-- trace of the reassignment is never pruned.
function reassign(rec, offset, utxoHash, newUtxoHash, blockHeight, spendableAfter)
  local utxos, spending_data, code = open_slot(rec, offset, utxoHash)
  if code ~= nil then
    return refused(code)
  end
  if not (is_blob(newUtxoHash, HASH_SIZE) and is_integer(blockHeight) and is_integer(spendableAfter)) then
    return refused('INVALID_PARAMETER')
  end
  local spent = spending_data ~= UNSPENT and spending_data ~= SENTINEL
  if spent or read_freeze(rec, offset, spending_data) == nil then
    return refused('UTXO_NOT_FROZEN')
  end

  utxos[slot_index(offset)] = unspent_slot(newUtxoHash)
  rec.utxos = utxos
  local reassignment = map()
  reassignment.offset = offset
  reassignment.utxoHash = utxoHash
  reassignment.newUtxoHash = newUtxoHash
  reassignment.blockHeight = blockHeight
  local reassignments = list_bin(rec, 'reassignments')
  list.append(reassignments, reassignment)
  rec.reassignments = reassignments
  set_entry(rec, 'utxoSpendableIn', offset, blockHeight + spendableAfter)
  remove_freeze_record(rec, offset)
  rec.recordUtxos = rec.recordUtxos + 1
  update(rec)
  return ok()
end
