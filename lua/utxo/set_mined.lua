-- Recording that a block contains the transaction, or no longer does (semantics 2.4). Masters only.

local function list_bin(rec, name)
  local bin = rec[name]
  if bin == nil then
    bin = list()
  end
  return bin
end

local function index_of(values, wanted)
  for i = 1, list.size(values) do
    if values[i] == wanted then
      return i
    end
  end
end

local function is_integer(value)
  return math.type(value) == 'integer'
end

-- The three lists are parallel: the same index is the same block.
--
-- With `restates` a call that finds the block already added, or already gone, signals how the record stands.
function setMined(rec, blockID, blockHeight, subtreeIdx, currentBlockHeight, retention, onLongestChain, unsetMined, restates)
  if not aerospike:exists(rec) then
    return refused('TX_NOT_FOUND')
  end
  if not (is_integer(blockID) and is_integer(blockHeight) and is_integer(subtreeIdx)) then
    return refused('INVALID_PARAMETER')
  end

  local block_ids = list_bin(rec, 'blockIDs')
  local block_heights = list_bin(rec, 'blockHeights')
  local subtree_idxs = list_bin(rec, 'subtreeIdxs')
  local index = index_of(block_ids, blockID)
  if unsetMined == true then
    if index ~= nil then
      -- Does nothing where a list is shorter than the others.
      list.remove(block_ids, index)
      list.remove(block_heights, index)
      list.remove(subtree_idxs, index)
    end
  elseif index == nil then
    list.append(block_ids, blockID)
    list.append(block_heights, blockHeight)
    list.append(subtree_idxs, subtreeIdx)
  end
  rec.blockIDs = block_ids
  rec.blockHeights = block_heights
  rec.subtreeIdxs = subtree_idxs

  if list.size(block_ids) == 0 then
    -- A height of 0 would never be found by a query for old unmined transactions.
    rec.unminedSince = math.max(currentBlockHeight, 1)
  elseif onLongestChain == true then
    rec.unminedSince = nil
  end
  if rec.locked == true then
    rec.locked = false
  end
  rec.creating = nil

  -- The height of the mined block, not of the tip: a lagging tip would prune inside the retention window.
  local signal, child_count = update_delete_at_height(rec, blockHeight, retention)
  local changes = (index == nil) ~= (unsetMined == true)
  if restates == true and signal == nil and not changes then
    signal, child_count = standing_signal(rec, retention)
  end
  update(rec)

  local response = ok()
  response.blockIDs = block_ids
  local total_extra_recs = rec.totalExtraRecs
  if unsetMined ~= true and total_extra_recs ~= nil and total_extra_recs > 0 then
    -- The caller clears `locked` and `creating` on the pages.
    child_count = total_extra_recs
  end
  add_signal(response, signal, child_count)
  return response
end
