-- KEYS: meta, stream. ARGV: channel, new epoch, meta ttl ms
local meta = redis.call('HMGET', KEYS[1], 'e', 's')
local epoch, top = meta[1], meta[2] or '0'
if not epoch then
  epoch = ARGV[2]
  redis.call('HSET', KEYS[1], 'e', epoch)
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
redis.call('DEL', KEYS[2])
redis.call('PUBLISH', ARGV[1], 'r' .. epoch .. top .. ';')
return epoch .. top
