-- When a record may be pruned (semantics 2.9). Called by every function that changes what the rule looks at,
-- after the change and before the update.

-- The last height that 32 bits hold, beyond which no reader takes one. As a delete-at-height it means never.
local HEIGHT_MAX = 4294967295

local LIST = getmetatable(list())

local function is_list(value)
  return getmetatable(value) == LIST
end

-- Pages of external transactions follow their master: the caller is told to visit them. The master of any
-- other transaction has no pages.
local function external_signal(rec, signal)
  if rec.external == true then
    return signal, rec.totalExtraRecs
  end
end

-- A page only tells its master when it becomes all spent or ceases to be.
local function update_page_state(rec)
  local state = 'NOTALLSPENT'
  if rec.spentUtxos == rec.recordUtxos then
    state = 'ALLSPENT'
  end
  local last_state = rec.lastSpentState
  if last_state == nil then
    last_state = 'NOTALLSPENT'
  end
  if state ~= last_state then
    rec.lastSpentState = state
    return state
  end
end

-- Everything is spent, on every record of the transaction, and it is mined on the longest chain.
local function is_prunable(rec, total_extra_recs)
  if rec.spentUtxos ~= rec.recordUtxos or rec.unminedSince ~= nil then
    return false
  end
  local spent_extra_recs = rec.spentExtraRecs
  if spent_extra_recs == nil then
    spent_extra_recs = 0
  end
  if spent_extra_recs ~= total_extra_recs then
    return false
  end
  -- What is no list tells of no block: that keeps the record, and fails no spend that has nothing to do with it.
  local block_ids = rec.blockIDs
  return is_list(block_ids) and list.size(block_ids) > 0
end

-- Returns the signal for the caller and the number of pages it concerns, or nothing.
local function update_delete_at_height(rec, height, retention)
  if retention == 0 or rec.preserveUntil ~= nil then
    return
  end
  local current = rec.deleteAtHeight
  local wanted = math.min(height + retention, HEIGHT_MAX)

  if rec.conflicting == true then
    if current == nil then
      rec.deleteAtHeight = wanted
      return external_signal(rec, 'DAHSET')
    end
    return
  end

  local total_extra_recs = rec.totalExtraRecs
  if total_extra_recs == nil then
    return update_page_state(rec)
  end

  if is_prunable(rec, total_extra_recs) then
    -- Never lowered: a lower height would prune inside the retention of a later event.
    if current == nil or current < wanted then
      rec.deleteAtHeight = wanted
      return external_signal(rec, 'DAHSET')
    end
  elseif current ~= nil then
    rec.deleteAtHeight = nil
    return external_signal(rec, 'DAHUNSET')
  end
end

-- A call whose answer was lost is made again, and then finds everything done and signals nothing: what its first
-- signal asked for would never happen. So a caller may ask a call that changed nothing how the record stands. A page
-- that is all spent may not have been counted; the pages of a master may not have its delete-at-height, or still have
-- one.
local function standing_signal(rec, retention)
  if retention == 0 or rec.preserveUntil ~= nil then
    return
  end
  local total_extra_recs = rec.totalExtraRecs
  if total_extra_recs == nil then
    if rec.lastSpentState == 'ALLSPENT' then
      return 'ALLSPENT_STANDS'
    end
  elseif total_extra_recs > 0 and rec.deleteAtHeight == nil then
    return external_signal(rec, 'DAHUNSET_STANDS')
  elseif total_extra_recs > 0 then
    return external_signal(rec, 'DAHSET_STANDS')
  end
end
