-- KEYS: meta, stream
-- ARGV: new epoch, meta ttl ms, entries at most, epoch of since ('' without), offset of since
local meta = redis.call('HMGET', KEYS[1], 'e', 's', 'k')
local epoch, top, kept = meta[1], meta[2] or '0', meta[3] or '0'
-- A server has more than Redis, which lost it in a failover: no offset is given out twice.
local is_back = ARGV[4] == epoch and tonumber(top) < tonumber(ARGV[5])
if not epoch or is_back then
  epoch = ARGV[1]
  redis.call('HSET', KEYS[1], 'e', epoch)
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  redis.call('DEL', KEYS[2])
end
local since = '0'
local whole = 1
if ARGV[4] == epoch then since = ARGV[5] elseif ARGV[4] ~= '' then whole = 0 end
local found = redis.call('XREVRANGE', KEYS[2], '+', '(' .. since .. '-0', 'COUNT', ARGV[3])
-- Nothing is missing if nothing was kept since, or what is kept goes further back.
if whole == 1 and tonumber(since) < tonumber(kept) then
  local first = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)
  local id = first[1] and tonumber(string.match(first[1][1], '^%d+'))
  if not id or tonumber(since) + 1 < id or #found == tonumber(ARGV[3]) and
      id < tonumber(string.match(found[#found][1], '^%d+')) and
      tonumber(since) + 1 < tonumber(string.match(found[#found][1], '^%d+')) then
    whole = 0
  end
end
return {epoch, top, whole, found}
