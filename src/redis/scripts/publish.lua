-- KEYS: meta, stream, result of the idempotency key (if there is one)
-- ARGV: body, channel, new epoch, entries at most, ttl ms, meta ttl ms, 1 if kept, result ttl ms
if KEYS[3] then
  local known = redis.call('GET', KEYS[3])
  if known then return known end
end
local epoch = redis.call('HGET', KEYS[1], 'e')
if not epoch then
  epoch = ARGV[3]
  redis.call('HSET', KEYS[1], 'e', epoch)
  redis.call('DEL', KEYS[2])
end
local offset = redis.call('HINCRBY', KEYS[1], 's', 1)
-- A number of Lua has 53 bits: the text of Redis is exact.
offset = string.format('%.0f', offset)
if ARGV[7] == '1' then
  redis.call('XADD', KEYS[2], 'MAXLEN', ARGV[4], offset .. '-0', 'd', ARGV[1])
  redis.call('PEXPIRE', KEYS[2], ARGV[5])
  redis.call('HSET', KEYS[1], 'k', offset)
end
redis.call('PEXPIRE', KEYS[1], ARGV[6])
local place = epoch .. offset
if KEYS[3] then redis.call('SET', KEYS[3], place, 'PX', ARGV[8]) end
redis.call('PUBLISH', ARGV[2], 'h' .. place .. ';' .. ARGV[1])
return place
