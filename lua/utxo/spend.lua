-- Spending outputs (semantics 2.2). First seen wins: a slot once spent is never given to another spender.

-- Why no output of this record can be spent by this call.
local function spend_refusal(rec, ignore_conflicting, ignore_locked, current_block_height)
  if not aerospike:exists(rec) then
    return 'TX_NOT_FOUND'
  end
  if rec.creating == true then
    return 'CREATING'
  end
  if rec.conflicting == true and ignore_conflicting ~= true then
    return 'CONFLICTING'
  end
  if rec.locked == true and ignore_locked ~= true then
    return 'LOCKED'
  end
  local spending_height = rec.spendingHeight
  if spending_height ~= nil and spending_height > 0 and spending_height > current_block_height then
    return 'COINBASE_IMMATURE'
  end
end

-- The consensus verdict comes before everything else, also for a repeated spend, so that it is the same on
-- every node whatever the node has seen. Policy only guards what is not spent yet.
local function freeze_refusal(rec, request, offset, spending_data, current_block_height)
  local freeze = read_freeze(rec, offset, spending_data)
  if freeze ~= nil then
    if freeze.damaged then
      return 'FREEZE_RECORD_DAMAGED'
    end
    if request.ignoreConsensusFreeze ~= true and consensus_active(freeze, current_block_height) then
      return 'CONSENSUS_FROZEN'
    end
    local unspent = spending_data == UNSPENT or spending_data == SENTINEL
    if request.ignorePolicyFreeze ~= true and unspent and policy_active(freeze, current_block_height) then
      return 'FROZEN'
    end
  end
  local spendable_in = map_entry(rec, 'utxoSpendableIn', offset)
  if spendable_in ~= nil and spendable_in > current_block_height then
    return 'FROZEN_UNTIL'
  end
end

-- Spends one slot. Returns whether the slot was changed, or false, an error code and, where the slot names
-- one, the spending data of the winner. A map makes a new object for each blob read from it: each is read once.
local function spend_slot(rec, utxos, request, current_block_height)
  local offset = request.offset
  local utxo_hash = request.utxoHash
  local our_blob = request.spendingData
  if not is_blob(our_blob, SPENDING_DATA_SIZE) then
    return false, 'INVALID_PARAMETER'
  end
  local ours = blob_text(our_blob, 1, SPENDING_DATA_SIZE)
  if ours == SENTINEL then
    return false, 'INVALID_PARAMETER'
  end

  local spending_data, code = read_slot(utxos, offset, utxo_hash)
  if code == nil then
    code = freeze_refusal(rec, request, offset, spending_data, current_block_height)
  end
  if code ~= nil then
    return false, code
  end

  if spending_data == ours then
    -- The spender was deleted after it had spent this output: letting it come back would be a replay.
    local deleted_children = map_bin(rec, 'deletedChildren')
    if deleted_children ~= nil and deleted_children[spender_display_hex(ours)] ~= nil then
      return false, 'INVALID_SPEND', ours
    end
    return false
  end
  if spending_data ~= UNSPENT and spending_data ~= SENTINEL then
    return false, 'SPENT', spending_data
  end
  utxos[slot_index(offset)] = spent_slot(utxo_hash, our_blob)
  return true
end

local function add_error(errors, request, code, spending_data)
  -- A spend without an entry in `errors` counts as applied, so an entry that cannot be made must fail the call.
  if math.type(request.idx) ~= 'integer' then
    error('idx of a spend is not an integer')
  end
  local entry = failure(code)
  if spending_data ~= nil then
    entry.spendingData = spending_data_display(spending_data)
  end
  errors[request.idx] = entry
end

-- Spends several outputs of one record. `spends` is a list of maps { idx, offset, vOut, utxoHash, spendingData
-- [, ignorePolicyFreeze, ignoreConsensusFreeze] }. A failure of one does not stop the others: every idx without
-- an entry in the answer's `errors` has been applied. With `restates` a call that only repeats spends signals how the
-- record stands.
function spendMulti(rec, spends, ignoreConflicting, ignoreLocked, currentBlockHeight, retention, restates)
  local code = spend_refusal(rec, ignoreConflicting, ignoreLocked, currentBlockHeight)
  if code ~= nil then
    return refused(code)
  end
  local utxos = slots_bin(rec)
  if utxos == nil then
    return refused('UTXOS_NOT_FOUND')
  end

  local applied = 0
  local repeated = 0
  local errors = nil
  for i = 1, list.size(spends) do
    local request = spends[i]
    local changed, error_code, winner = spend_slot(rec, utxos, request, currentBlockHeight)
    if changed then
      applied = applied + 1
    elseif error_code ~= nil then
      if errors == nil then
        errors = map()
      end
      add_error(errors, request, error_code, winner)
    else
      repeated = repeated + 1
    end
  end

  if applied > 0 then
    rec.utxos = utxos
    rec.spentUtxos = rec.spentUtxos + applied
  end
  local signal, child_count = update_delete_at_height(rec, currentBlockHeight, retention)
  if restates == true and signal == nil and applied == 0 and repeated > 0 then
    signal, child_count = standing_signal(rec, retention)
  end
  update(rec)

  local response = ok()
  if errors ~= nil then
    response.status = 'ERROR'
    response.errors = errors
  end
  local block_ids = rec.blockIDs
  if block_ids ~= nil then
    response.blockIDs = block_ids
  end
  add_signal(response, signal, child_count)
  return response
end

-- Spends one output; a failure is reported under index 0.
function spend(rec, offset, utxoHash, spendingData, ignoreConflicting, ignoreLocked, currentBlockHeight, retention)
  local request = map()
  request.idx = 0
  request.offset = offset
  request.utxoHash = utxoHash
  request.spendingData = spendingData
  local spends = list()
  list.append(spends, request)
  return spendMulti(rec, spends, ignoreConflicting, ignoreLocked, currentBlockHeight, retention)
end
