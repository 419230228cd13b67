-- Taking a spend back (semantics 2.3).

local function is_full_page(rec)
  return rec.totalExtraRecs == nil and rec.spentUtxos == rec.recordUtxos
end

local function is_kept(rec, keepsFullPage)
  return is_full_page(rec)
    and (keepsFullPage == true or keepsFullPage == 'unannounced' and rec.lastSpentState == 'ALLSPENT')
end

local function announce_opening(rec)
  local response = refused('PAGE_FULL')
  if rec.lastSpentState == 'ALLSPENT' then
    rec.lastSpentState = 'NOTALLSPENT'
    update(rec)
    add_signal(response, 'NOTALLSPENT')
  end
  return response
end

-- Frees the output only if it is spent by exactly `expectedSpendingData`, the caller's proof of ownership: a
-- spend by anybody else, or none, is left as it is and the call still succeeds, so repeating it is harmless.
--
-- With `generation`, only while the record is as the caller read it: a call that was held up on its way, and
-- that nobody reckons with any more, must not undo a spend that was acknowledged since. -1 stands for any.
--
-- With `keepsFullPage` an output of a page that is all spent is not freed yet: its master has to hear of it first,
-- for it could be pruned between the two. The page only says so, by the signal that it will not be all spent any
-- more; the first call that meets it gets the signal, and whoever tells the master calls again with 'unannounced', by
-- which the output is freed unless the page was opened and filled meanwhile: then that has to be said again.
-- Should nobody, then the next spend of the page finds it all spent and takes that back by its signal, and the next
-- unspend has the master count it among the open ones.
--
-- With `restates` a call on a master that freed nothing signals how the record stands.
function unspend(rec, offset, utxoHash, expectedSpendingData, currentBlockHeight, retention, generation, keepsFullPage, restates)
  local utxos, spending_data, code = open_slot(rec, offset, utxoHash)
  if code ~= nil then
    return refused(code)
  end
  if generation ~= nil and generation >= 0 and generation ~= record.gen(rec) then
    return refused('CHANGED')
  end
  if not is_blob(expectedSpendingData, SPENDING_DATA_SIZE) then
    return refused('INVALID_PARAMETER')
  end

  local frees = spending_data == blob_text(expectedSpendingData, 1, SPENDING_DATA_SIZE)
  if frees then
    if spending_data == SENTINEL then
      return refused('FROZEN')
    end
    if retention ~= 0 and is_kept(rec, keepsFullPage) then
      return announce_opening(rec)
    end
    utxos[slot_index(offset)] = unspent_slot(utxoHash)
    rec.utxos = utxos
    rec.spentUtxos = math.max(rec.spentUtxos - 1, 0)
  end
  local signal, child_count = update_delete_at_height(rec, currentBlockHeight, retention)
  if restates == true and signal == nil and not frees and rec.totalExtraRecs ~= nil then
    signal, child_count = standing_signal(rec, retention)
  end
  update(rec)

  local response = ok()
  add_signal(response, signal, child_count)
  return response
end
