-- The store's record functions run on the server that owns the record: everything one call changes is one
-- atomic update of one record. The parts listed in parts.json are joined, in that order, into the text of
-- one module: they share one chunk, so what an earlier part declares `local` is visible in the later ones,
-- and only the functions a client calls are global. A change of any part is a new module (its name is
-- derived from the text), so nothing here may depend on the module's name.
--
-- Rules all parts follow:
-- - A bin is compared with a value (`rec.locked == true`, `rec.preserveUntil ~= nil`), never used as a
--   condition by itself: 0 is true in Lua.
-- - Assigning nil to a bin deletes it on update; assigning nil to a map key stores nil, so map entries are
--   guarded on the way in and leave by map.remove.
-- - A wrong type where the store itself wrote the value, or an argument no correct caller sends, may raise a
--   Lua error: the server then discards the whole call, which is the safe outcome.
--
-- This part: what a call answers (semantics 2.1).

local MESSAGES = {
  TX_NOT_FOUND = 'transaction not found',
  CREATING = 'transaction is still being created',
  CONFLICTING = 'transaction is conflicting',
  LOCKED = 'transaction is locked',
  COINBASE_IMMATURE = 'coinbase output is not mature yet',
  UTXOS_NOT_FOUND = 'record has no outputs',
  UTXO_NOT_FOUND = 'output not found',
  UTXO_INVALID_SIZE = 'stored output has an invalid size',
  UTXO_HASH_MISMATCH = 'output hash does not match',
  FREEZE_RECORD_DAMAGED = 'freeze record of the output is damaged',
  CONSENSUS_FROZEN = 'output is frozen by consensus at this height',
  FROZEN = 'output is frozen',
  FROZEN_UNTIL = 'output is not spendable before a later height',
  INVALID_SPEND = 'output was spent by this transaction, which has been deleted since',
  SPENT = 'output is already spent',
  ALREADY_FROZEN = 'output is already frozen in this way',
  UTXO_NOT_FROZEN = 'output is not frozen',
  CHANGED = 'record was written since it was read',
  PAGE_FULL = 'the master has to hear first that a page of its will not be all spent any more',
  INVALID_PARAMETER = 'argument has an invalid value',
}

local function ok()
  local response = map()
  response.status = 'OK'
  return response
end

-- What went wrong with a record, or with one spend of a call that carries several.
local function failure(code)
  local answer = map()
  answer.errorCode = code
  answer.message = MESSAGES[code]
  return answer
end

-- The whole call was refused: nothing has changed.
local function refused(code)
  local response = failure(code)
  response.status = 'ERROR'
  return response
end

-- The caller must follow a signal up on the transaction's other records.
local function add_signal(response, signal, child_count)
  if signal ~= nil then
    response.signal = signal
  end
  if child_count ~= nil then
    response.childCount = child_count
  end
end

-- A change that was not stored must never be answered with OK; the error makes the server discard it all.
local function update(rec)
  local result = aerospike:update(rec)
  if result ~= 0 then
    error('record update failed with ' .. tostring(result))
  end
end
