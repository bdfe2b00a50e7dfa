-- A message of a topic without history.
-- KEYS: counter, result of the idempotency key (if there is one)
-- ARGV: body, channel, counter ttl ms, result ttl ms
if KEYS[2] and not redis.call('SET', KEYS[2], '', 'NX', 'PX', ARGV[4]) then return '' end
local number = string.format('%.0f', redis.call('INCR', KEYS[1]))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('PUBLISH', ARGV[2], 'n' .. number .. ';' .. ARGV[1])
return ''
