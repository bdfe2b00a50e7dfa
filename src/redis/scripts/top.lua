-- KEYS: meta. The place of a topic, or nothing.
local meta = redis.call('HMGET', KEYS[1], 'e', 's')
if not meta[1] then return '' end
return meta[1] .. (meta[2] or '0')
