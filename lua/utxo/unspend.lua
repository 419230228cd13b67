-- Taking a spend back (semantics 2.3).

-- Frees the output only if it is spent by exactly `expectedSpendingData`, the caller's proof of ownership: a
-- spend by anybody else, or none, is left as it is and the call still succeeds, so repeating it is harmless.
--
-- With `generation`, only while the record is as the caller read it: a call that was held up on its way, and
-- that nobody reckons with any more, must not undo a spend that was acknowledged since.
function unspend(rec, offset, utxoHash, expectedSpendingData, currentBlockHeight, retention, generation)
  local utxos, spending_data, code = open_slot(rec, offset, utxoHash)
  if code ~= nil then
    return refused(code)
  end
  if generation ~= nil and generation ~= record.gen(rec) then
    return refused('CHANGED')
  end
  if not is_blob(expectedSpendingData, SPENDING_DATA_SIZE) then
    return refused('INVALID_PARAMETER')
  end

  if spending_data == blob_text(expectedSpendingData, 1, SPENDING_DATA_SIZE) then
    if spending_data == SENTINEL then
      return refused('FROZEN')
    end
    utxos[slot_index(offset)] = unspent_slot(utxoHash)
    rec.utxos = utxos
    rec.spentUtxos = math.max(rec.spentUtxos - 1, 0)
  end
  local signal, child_count = update_delete_at_height(rec, currentBlockHeight, retention)
  update(rec)

  local response = ok()
  add_signal(response, signal, child_count)
  return response
end
